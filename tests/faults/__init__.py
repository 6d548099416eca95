"""Faults and hostile input: whatever happens, nothing is lost and the message says what to do."""
