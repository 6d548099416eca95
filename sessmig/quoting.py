"""Writes names and texts into SQL so that they can be nothing else: the one place where that is done.

Knows quotes, which both databases read alike; what is a name and what a text, the caller knows.
"""

from __future__ import annotations


def quoted(name: str) -> str:
    """Write the name of a table or column, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text; a backslash stands for itself."""
    return "'" + text.replace("'", "''") + "'"
