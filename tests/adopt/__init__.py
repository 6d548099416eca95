"""Taking over what another migration tool has applied."""
