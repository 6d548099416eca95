"""Says of a PostgreSQL statement that it would reach beyond its step.

Knows what a session keeps when a transaction ends, and what sessmig sets for itself; knows nothing of files.
"""

from __future__ import annotations

import re

from sessmig.script.tokens import atoms

LOCKING = re.compile(r"(?:SELECT|WITH|DO)\b.*?\b(pg_(?:try_)?advisory_)lock(?:_shared)?\b", re.IGNORECASE | re.DOTALL)

_OUTLIVES = "outlives the step's transaction: behind a pooler the next client would have it"
_ITS_OWN = "Leave it out: each step is a transaction of its own, READ COMMITTED and READ WRITE."
# What stands at a statement's head: the pattern, its name, why it is refused, and the way out.
_HEADS = (
    (r"SET (SESSION |LOCAL )?TRANSACTION", "SET TRANSACTION", "changes the transaction, which is sessmig's", _ITS_OWN),
    (
        r"SET SESSION CHARACTERISTICS\b",
        "SET SESSION CHARACTERISTICS",
        "changes the transactions that come, which are sessmig's or another client's",
        _ITS_OWN,
    ),
    (r"PREPARE\b", "PREPARE", _OUTLIVES, "Write the statement out, or put EXECUTE … USING into a DO block."),
    (r"LISTEN\b", "LISTEN", _OUTLIVES, "Leave it out: whoever wants the messages listens on its own connection."),
    (
        r"DECLARE .*\bCURSOR WITH HOLD\b",
        "DECLARE … WITH HOLD",
        _OUTLIVES,
        "Leave WITH HOLD out: within the file the cursor serves without it.",
    ),
)
_ENCODING = re.compile(r"SET (?:SESSION |LOCAL )?(CLIENT_ENCODING|NAMES)\b")
_UTF8 = {"UTF8", "UTF_8", "UNICODE", "DEFAULT", "NAMES"}


def reason(statement: str, head: str) -> tuple[str, str, str] | None:
    """Return what it is, why it is refused, and the way out; None if nothing of it reaches beyond the step.

    Args:
        statement: the statement, without what stands before it.
        head: its first words, in capitals.
    """
    for pattern, *told in _HEADS:
        if re.match(pattern, head):
            return told[0], told[1], told[2]
    if setting := _ENCODING.match(head):
        return _of_encoding(statement, setting.group(1))
    if (lock := LOCKING.match(statement)) and (head.startswith("DO") or _has_word(statement, lock)):
        within = f"{lock.group(1).lower()}xact_lock"
        return f"{lock.group(1).lower()}lock", _OUTLIVES, f"Take {within}, which ends with the transaction."
    return None


def _of_encoding(statement: str, name: str) -> tuple[str, str, str] | None:
    found = [statement[at:end] for kind, at, end in atoms(statement, "postgres") if kind in ("string", "word")]
    if found[-1].strip("'").upper().replace("-", "_") in _UTF8:
        return None
    shown = "SET NAMES" if name == "NAMES" else "SET client_encoding"
    return shown, "says that the file is not UTF-8, and it is", "Leave it out: sessmig sends UTF-8."


def _has_word(statement: str, lock: re.Match[str]) -> bool:
    """Whether the function is named outside quotes and comments."""
    name = lock.group(1).lower()
    return any(
        kind == "word" and statement[at:end].lower().startswith(f"{name}lock")
        for kind, at, end in atoms(statement, "postgres")
    )
