"""Statements outside transactions: indexes beside running writers, VACUUM, and the lock over several commits."""
