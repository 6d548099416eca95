"""Refuses, before anything runs, what would break a step's transaction or could not run in it.

Knows which statements these are in either dialect, and the way out of each; knows nothing of files but
their names, and of databases only what was tried on SQLite 3.40 and PostgreSQL 18.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sessmig.errors import FileError
from sessmig.model import Dialect, Piece
from sessmig.script import session
from sessmig.script.indexes import index_act
from sessmig.script.outline import words
from sessmig.script.tokens import atoms

# Statements are looked at only if they begin with one of these: a file may hold 200,000 INSERTs.
_EVERYWHERE = "BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE|VACUUM|ATTACH|DETACH"
# How statements begin that are looked at closer; most begin otherwise.
_SUSPECT: dict[Dialect, re.Pattern[str]] = {
    "sqlite": re.compile(rf"(?:{_EVERYWHERE}|PRAGMA)\b", re.IGNORECASE),
    "postgres": re.compile(
        rf"(?:{_EVERYWHERE}|CREATE|DROP|ALTER|REINDEX|CLUSTER|DISCARD|SET|LISTEN|DECLARE)\b", re.IGNORECASE
    ),
}
_CONTROL = re.compile(r"(?:BEGIN|START TRANSACTION|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE TRANSACTION)\b")
_BEGINS = re.compile("BEGIN|START", re.IGNORECASE)
_OPENING: dict[Dialect, re.Pattern[str]] = {
    "sqlite": re.compile(r"BEGIN( DEFERRED| IMMEDIATE| EXCLUSIVE)?( TRANSACTION( \S+)?)?"),
    "postgres": re.compile(r"BEGIN( WORK| TRANSACTION)?|START TRANSACTION"),
}
_CLOSING = re.compile(r"(COMMIT|END)( WORK| TRANSACTION( \S+)?)?( AND NO CHAIN)?")

_ALONE: dict[Dialect, re.Pattern[str]] = {
    "sqlite": re.compile(r"VACUUM"),
    "postgres": re.compile(
        r"CREATE (UNIQUE )?INDEX CONCURRENTLY|DROP INDEX CONCURRENTLY|REINDEX (CONCURRENTLY|DATABASE|SCHEMA|SYSTEM)"
        r"|REINDEX (INDEX|TABLE) CONCURRENTLY|ALTER TABLE .*DETACH PARTITION .*CONCURRENTLY$|VACUUM"
        r"|(CREATE|DROP) (DATABASE|TABLESPACE)|ALTER SYSTEM|ALTER DATABASE \S+ SET TABLESPACE"
        r"|CLUSTER( VERBOSE)?$"
    ),
}
# Refused in every file, though the database would take it outside transactions: the pattern, why, and the way out.
_NEVER_ALONE: dict[Dialect, tuple[re.Pattern[str], str, str]] = {
    "sqlite": (
        re.compile(r"(?:ATTACH|DETACH)\b"),
        "speaks of a second database, in which no loss could be seen and nothing is recorded",
        "Leave it out: each database has its own migrations; or copy the rows by a program.",
    ),
    "postgres": (re.compile(r"DISCARD ALL\b"), "would let go of the lock that the run holds", "Leave it out."),
}
_NO_TRANSACTION = (
    "Put `-- sessmig: no-transaction` at the file's top; each statement of the file is then a commit of its own."
)
_LEAVE_OUT = "Leave it out: sessmig opens and commits the step's transaction itself."

# Pragmas that change something when a value is given, and do it wrongly in a step. `always` are refused
# in a no-transaction file too, as the connection that they change is sessmig's own.
_OUTSIDE_ONLY = {
    "journal_mode": "cannot be changed inside a transaction",
    "synchronous": "cannot be changed inside a transaction",
    "temp_store": "drops every temporary table, those of sessmig's checks among them",
    "page_size": "does nothing inside a transaction",
    "auto_vacuum": "does nothing inside a transaction",
    "encoding": "does nothing in a database that holds tables",
    "wal_checkpoint": "fails inside a transaction",
}
# Behind the others, OFF destroys the database where a step fails, and MEMORY where it is killed. A word that is cut
# short (`O`) means the same, so it is these that may be said: https://sqlite.org/pragma.html#pragma_journal_mode
_ON_DISK = {"delete", "truncate", "persist", "wal"}
_REBUILD = "Rebuild the table: create it anew, copy the rows, drop the old one, rename."
_NEVER = {
    "foreign_keys": (
        "does nothing inside a transaction",
        "Leave it out: sessmig has foreign_keys ON. Where the step needs them off, put "
        "`-- sessmig: foreign-keys-off` at the file's top.",
    ),
    "query_only": ("would lift or break the protection of the checks", "Leave it out."),
    "writable_schema": ("lets a statement edit the schema table, where no loss can be seen", _REBUILD),
    "schema_version": ("can corrupt the database", _REBUILD),
    "recursive_triggers": ("would blind the loss guard, which counts with it", "Leave it out."),
    "case_sensitive_like": ("would change what LIKE finds in the checks, and cannot be read back", "Leave it out."),
    "locking_mode": ("would keep every other process out after the step", "Leave it out."),
}

# What may be given a value: it stands in the file, ends with the transaction, is given back before the checks, or
# changes no answer. The last of them only ask, and what they are given is a name or a number.
_SOUND = re.compile(
    r"application_id|user_version|defer_foreign_keys|automatic_index|ignore_check_constraints"
    r"|legacy_alter_table|reverse_unordered_selects|trusted_schema|analysis_limit|cache_size"
    r"|cache_spill|secure_delete|optimize|incremental_vacuum|foreign_key_check|foreign_key_list"
    r"|index_info|index_list|index_xinfo|integrity_check|quick_check|table_info|table_list|table_xinfo"
)


def refuse(pieces: Sequence[Piece], dialect: Dialect, path: Path, *, no_transaction: bool) -> list[Piece]:
    """Return the statements to run, or raise FileError at the first that a step cannot hold.

    One BEGIN as the very first statement and one COMMIT (or END) as the very last are taken for the
    step's own and left out, unless the file is `no_transaction`: there every transaction control is
    refused, and what cannot run in a transaction is let through.
    """
    statements = [piece for piece in pieces if piece.is_statement]
    if not no_transaction and _is_wrapped(statements, dialect):
        statements = statements[1:-1]
    for place, piece in enumerate(statements):
        if piece.is_plain:
            continue
        if session.COUNTING in piece.text.lower() and session.blinds(piece.statement, dialect):
            _refuse(piece, path, f"`{session.COUNTING}` is what the loss guard counts with", "Leave it out.")
        if not _SUSPECT[dialect].match(piece.text, piece.body) and not session.LOCKING.match(piece.text, piece.body):
            continue
        head = _head(piece, dialect)
        if _CONTROL.match(head):
            edge = "first" if not place else "last" if place == len(statements) - 1 else ""
            _refuse_control(piece, head, dialect, path, edge="" if no_transaction else edge)
        if head.startswith("PRAGMA") and dialect == "sqlite":
            _refuse_pragma(piece, path, no_transaction=no_transaction)
        if dialect == "postgres" and (beyond := session.reason(piece.statement, head)):
            _refuse(piece, path, f"`{beyond[0]}` {beyond[1]}", beyond[2])
        _refuse_everywhere(piece, head, dialect, path)
        if not no_transaction and (what := _alone(piece, head, dialect)):
            _refuse(piece, path, f"`{what}` does not run inside a transaction", _NO_TRANSACTION)
    return statements


def runs_alone(piece: Piece, dialect: Dialect) -> bool:
    """Tell whether a statement has to run outside transactions."""
    if not _SUSPECT[dialect].match(piece.text, piece.body):
        return False
    head = _head(piece, dialect)
    if dialect == "sqlite" and head.startswith("PRAGMA"):
        return _pragma(piece)[0] in _OUTSIDE_ONLY
    return bool(_alone(piece, head, dialect))


def _refuse_everywhere(piece: Piece, head: str, dialect: Dialect, path: Path) -> None:
    """Refuse what no file may hold, a no-transaction file neither."""
    pattern, reason, remedy = _NEVER_ALONE[dialect]
    if found := pattern.match(head):
        _refuse(piece, path, f"`{found.group()}` {reason}", remedy)
    act = index_act(piece.statement, dialect)
    if act and act.verb == "create" and not act.name:
        _refuse(
            piece,
            path,
            "`CREATE INDEX CONCURRENTLY` without a name: after a crash nobody could tell which index it was",
            "Give the index a name.",
        )


def _head(piece: Piece, dialect: Dialect) -> str:
    """Join the statement's first words; a quoted name becomes `""`, so that its text is never a keyword."""
    found = words(piece.statement, dialect, limit=12)
    return " ".join('""' if re.search(r'["`[]', word) else word for word in found)


def _is_wrapped(statements: Sequence[Piece], dialect: Dialect) -> bool:
    if len(statements) < 2 or not _BEGINS.match(statements[0].text, statements[0].body):
        return False
    first, last = _head(statements[0], dialect), _head(statements[-1], dialect)
    return bool(_OPENING[dialect].fullmatch(first) and _CLOSING.fullmatch(last))


def _refuse_control(piece: Piece, head: str, dialect: Dialect, path: Path, *, edge: str) -> NoReturn:
    what = f"`{' '.join(head.split()[:3])}`"
    if edge == "first" and _OPENING[dialect].fullmatch(head):
        what += " opens a transaction that the file's last statement does not commit"
    elif edge == "first" and head.startswith(("BEGIN", "START")):
        what += " opens a transaction in a mode of its own, and sessmig opens the step's"
    elif edge == "last" and _CLOSING.fullmatch(head):
        what += " commits a transaction that the file's first statement does not open"
    else:
        what += " is transaction control, and the transaction is sessmig's"
    also = " One plain BEGIN as the first statement and one COMMIT as the last are taken for that." if edge else ""
    _refuse(piece, path, what, _LEAVE_OUT + also)


def _alone(piece: Piece, head: str, dialect: Dialect) -> str:
    """Name what cannot run in a transaction, or return ''."""
    if found := _ALONE[dialect].match(head):
        return found.group().replace('""', "…")
    # REINDEX alone takes the word as an option too: (VERBOSE, CONCURRENTLY), unless it is switched off.
    if head.startswith("REINDEX") and dialect == "postgres":
        flat = " ".join(piece.statement[start:end].upper() for _, start, end in atoms(piece.statement, dialect))
        if re.search(r"\([^)]*\bCONCURRENTLY(?! (?:FALSE|OFF|0)\b)", flat):
            return "REINDEX (CONCURRENTLY)"
    return ""


def _refuse_pragma(piece: Piece, path: Path, *, no_transaction: bool) -> None:
    """Refuse a pragma that is given a value, and `wal_checkpoint`; reading is always fine."""
    name, value = _pragma(piece)
    if not name or (value is None and name != "wal_checkpoint"):
        return
    if name == "journal_mode" and value not in _ON_DISK:
        what = (
            "`PRAGMA journal_mode` without a journal on the disk: a step that fails or is killed destroys the database"
        )
        _refuse(piece, path, what, "Leave it out; DELETE, TRUNCATE, PERSIST and WAL have one.")
    if name in _NEVER:
        _refuse(piece, path, f"`PRAGMA {name}` {_NEVER[name][0]}", _NEVER[name][1])
    if name in _OUTSIDE_ONLY and not no_transaction:
        _refuse(piece, path, f"`PRAGMA {name}` {_OUTSIDE_ONLY[name]}", _NO_TRANSACTION)
    if not _SOUND.fullmatch(name) and name not in _OUTSIDE_ONLY:
        _refuse(piece, path, f"`PRAGMA {name}` with a value is not known to be sound in a step", "Leave it out.")


def _pragma(piece: Piece) -> tuple[str, str | None]:
    """Return a pragma's name, and the value that it is given; both in small letters."""
    found = re.match(
        r"PRAGMA (?:\S+ \. )?(\S+)(?: [=(] ?(\S*))?",
        " ".join(
            piece.statement[start:end].strip("\"`[]'") if kind in ("name", "string") else piece.statement[start:end]
            for kind, start, end in atoms(piece.statement, "sqlite")
        ),
        re.IGNORECASE,
    )
    return (found[1].lower(), found[2] and found[2].lower()) if found else ("", None)


def _refuse(piece: Piece, path: Path, reason: str, remedy: str) -> NoReturn:
    raise FileError(path, reason, line=piece.statement_line, remedy=remedy)
