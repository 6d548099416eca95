"""Many processes at once, killed processes, and poolers in between."""
