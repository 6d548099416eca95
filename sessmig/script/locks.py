"""Says which locks a statement will want on PostgreSQL's tables, as far as its text tells.

Knows the manual's list; what a trigger, a cascade or a function does beyond, no text tells.
See https://www.postgresql.org/docs/current/explicit-locking.html
"""

from __future__ import annotations

from collections.abc import Iterator

from sessmig.lock_modes import MODES
from sessmig.model import Dialect
from sessmig.script.ddl import act
from sessmig.script.outline import outline, outside, words
from sessmig.script.tokens import atoms

Wanted = tuple[str, str]
"""A table's name as written, and the mode."""

_BY_VERB = {
    "INSERT": "ROW EXCLUSIVE",
    "UPDATE": "ROW EXCLUSIVE",
    "DELETE": "ROW EXCLUSIVE",
    "MERGE": "ROW EXCLUSIVE",
    "COPY": "ROW EXCLUSIVE",
    "DROP TABLE": "ACCESS EXCLUSIVE",
    "TRUNCATE": "ACCESS EXCLUSIVE",
    "CLUSTER": "ACCESS EXCLUSIVE",
    "COMMENT": "SHARE UPDATE EXCLUSIVE",
    "ANALYZE": "SHARE UPDATE EXCLUSIVE",
}
_ON = {
    "CREATE INDEX": "SHARE",
    "CREATE TRIGGER": "SHARE ROW EXCLUSIVE",
    "CREATE RULE": "ACCESS EXCLUSIVE",
    "CREATE POLICY": "ACCESS EXCLUSIVE",
    "DROP TRIGGER": "ACCESS EXCLUSIVE",
    "DROP RULE": "ACCESS EXCLUSIVE",
    "DROP POLICY": "ACCESS EXCLUSIVE",
    "ALTER POLICY": "ACCESS EXCLUSIVE",
}
"""What names its table behind ON."""


def locks(text: str, dialect: Dialect) -> tuple[Wanted, ...]:
    """Return the locks that a statement will want, but for those of what only reads; on SQLite there are none."""
    return tuple(_wanted(text, dialect)) if dialect == "postgres" else ()


def _wanted(text: str, dialect: Dialect) -> Iterator[Wanted]:
    found = outline(text, dialect)
    spoken = words(text, dialect, limit=1_000)
    beside = "CONCURRENTLY" in spoken
    if found.verb == "LOCK":
        yield from _asked_for(text, dialect)
    elif found.verb == "VACUUM":
        yield found.target, "ACCESS EXCLUSIVE" if "FULL" in spoken else "SHARE UPDATE EXCLUSIVE"
    elif found.verb == "REINDEX" and found.target:
        yield found.target, "SHARE UPDATE EXCLUSIVE" if beside else "SHARE"
    elif found.verb == "ALTER TABLE":
        yield found.target, _altering(spoken)
        yield from ((other, "SHARE ROW EXCLUSIVE") for other in _referenced(text, dialect))
    elif found.verb == "CREATE TABLE":
        yield from ((other, "SHARE ROW EXCLUSIVE") for other in _referenced(text, dialect))
    elif found.verb in ("DROP TABLE", "TRUNCATE"):
        yield from ((name, "ACCESS EXCLUSIVE") for name in act(text, dialect).tables)
    elif found.verb in _ON:
        table = _behind("ON", text, dialect)
        yield table, "SHARE UPDATE EXCLUSIVE" if beside else _ON[found.verb]
    elif found.verb == "DROP INDEX":
        mode = "SHARE UPDATE EXCLUSIVE" if beside else "ACCESS EXCLUSIVE"
        yield f"the table of {found.target}", mode
    elif found.verb in _BY_VERB and found.target:
        yield found.target, _BY_VERB[found.verb]
    elif found.verb == "SELECT" and found.target and "FOR" in spoken and {"UPDATE", "SHARE"} & {*spoken}:
        yield found.target, "ROW SHARE"


def _altering(spoken: list[str]) -> str:
    actions = spoken[3:]
    if "VALIDATE" in actions or {"SET", "STATISTICS"} <= {*actions} or "ATTACH" in actions:
        return "SHARE UPDATE EXCLUSIVE"
    if "ADD" in actions and "FOREIGN" in actions and "COLUMN" not in actions:
        return "SHARE ROW EXCLUSIVE"
    return "SHARE ROW EXCLUSIVE" if {"TRIGGER"} & {*actions} else "ACCESS EXCLUSIVE"


def _asked_for(text: str, dialect: Dialect) -> Iterator[Wanted]:
    """Read `LOCK TABLE a, b IN EXCLUSIVE MODE`."""
    names, mode, is_mode = [], [], False
    for word, written in outside(text, dialect):
        if word == "IN":
            is_mode = True
        elif is_mode and word in ("MODE", "NOWAIT"):
            break
        elif is_mode:
            mode.append(word)
        elif word not in ("LOCK", "TABLE", "ONLY") and (word or len(written) > 1):
            names.append(written)
    asked = " ".join(mode)
    yield from ((name, asked if asked in MODES else "ACCESS EXCLUSIVE") for name in names)


def _referenced(text: str, dialect: Dialect) -> Iterator[str]:
    """Give the tables that foreign keys refer to, as written."""
    is_next, name = False, ""
    for kind, start, end in (*atoms(text, dialect), ("sign", 0, 0)):
        if is_next and (kind in ("word", "name") or text[start:end] == "."):
            name += text[start:end]
            continue
        if name:
            yield name
        is_next, name = kind == "word" and text[start:end].upper() == "REFERENCES", ""


def _behind(word: str, text: str, dialect: Dialect) -> str:
    terms = outside(text, dialect)
    next((None for found, _ in terms if found == word), None)
    return next((written for found, written in terms if found != "ONLY"), "")
