"""Says of a PostgreSQL statement that it would reach beyond its step.

Knows what a session keeps when a transaction ends, and what sessmig sets for itself; knows nothing of files.
"""

from __future__ import annotations

import re

from sessmig.model import Dialect
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
COUNTING = "track_counts"
# What is looked for within quotes too: in a DO block, a function's text, an EXECUTE.
_BLINDING = re.compile(
    r"""\b(?:SET(?:\s+(?:SESSION|LOCAL))?|RESET)\s+"?track_counts\b|\bset_config"?\s*\(\s*'+track_counts'""",
    re.IGNORECASE,
)
_UNENFORCED = re.compile(
    r"""\bSET(?:\s+(?:SESSION|LOCAL))?\s+"?(session_replication_role)"?\s*(?:=|\bTO\b)\s*'*replica\b"""
    r"""|\bset_config"?\s*\(\s*'+(session_replication_role)'+\s*,\s*'+replica\b"""
    r"""|\b(DISABLE\s+TRIGGER\s+ALL)\b|\b(DISABLE\s+TRIGGER)\s+"RI_ConstraintTrigger""",
    re.IGNORECASE,
)
_MAXIMUM = re.compile(r"\bmax\s*\(", re.IGNORECASE)
_SETVAL = re.compile(r"""\bsetval"?\s*\(""", re.IGNORECASE)
_DATA = re.compile(r"(?:INSERT|UPDATE|COMMENT)\b", re.IGNORECASE)
_OF_OTHERS = re.compile(r"ALTER (?:DATABASE|ROLE|USER|SYSTEM)\b", re.IGNORECASE)
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


def blinds(statement: str, dialect: Dialect) -> bool:
    """Tell whether a statement that speaks of `COUNTING` may have the server count no rows."""
    if dialect != "postgres" or _DATA.match(statement):
        return False
    flat = _flat(statement)
    return bool(_BLINDING.search(flat) and not _OF_OTHERS.match(flat))


def unenforced(statement: str, dialect: Dialect) -> str:
    """Name what switches foreign keys off in a statement; empty if nothing does."""
    if dialect != "postgres" or _DATA.match(statement) or not _UNENFORCED.search(statement):
        return ""
    found = _UNENFORCED.search(_flat(statement))
    return " ".join(next(filter(None, found.groups())).split()) if found else ""


def moves_sequence(statement: str, dialect: Dialect) -> bool:
    """Tell whether a statement may set a sequence back with `setval`, as far as its text tells.

    Set to the maximum of a column it stands behind no row, whether the rows stay or not: that leaves a gap at most.
    """
    if dialect != "postgres" or not _SETVAL.search(statement):
        return False
    flat = _flat(statement)
    return bool(_SETVAL.search(flat)) and not _MAXIMUM.search(flat)


def _flat(statement: str) -> str:
    """Write a statement without its comments."""
    return " ".join(statement[at:end] for _, at, end in atoms(statement, "postgres"))


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
