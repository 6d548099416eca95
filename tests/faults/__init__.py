"""Faults and hostile input, met by real runs on real databases: nothing is lost, and the message says what to do."""
