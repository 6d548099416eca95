"""Backups and the way back to them, on real files and real servers."""
