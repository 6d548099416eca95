"""What `status` and `log` show on a terminal, and to a machine."""
