"""What to do about what a server or pooler refuses whatever it is asked: it is no statement's fault.

Knows their codes and words; opens nothing. A start with nothing pending imports it, so it imports nothing.
"""

from __future__ import annotations

_REMEDIES = {
    "25006": "This server, role or database may only be read: give the URL of the one that is written to "
    "(of a standby, its primary), or switch default_transaction_read_only off.",
}
_POOLING = "Have the pooler hand out transactions (pool_mode = transaction), or give the address of the server itself."
_REFUSING = {
    "too many": "All connections are taken: end some, or allow more, and run it again.",
    "remaining connection slots": "All connections are taken: end some, or allow more, and run it again.",
    "the database system is": "Wait until it has started or recovered, and run it again.",
}


def remedy(code: str, words: str) -> str:
    """Return what to do about an error of this SQLSTATE; empty where it is a statement's."""
    return _REMEDIES.get(code) or (_POOLING if "statement pooling mode" in words else "")


def connecting(words: str) -> str:
    """Return what to do where no connection was had, by the server's words, if it has said any (`FATAL:`)."""
    if "FATAL:" not in words:
        return "Is the server running, and are host and port right?"
    known = (way for said, way in _REFUSING.items() if said in words)
    return next(known, "The server answered: are database, user and password right?")
