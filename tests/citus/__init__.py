"""What becomes of a run where the rows stand on other nodes (Citus)."""
