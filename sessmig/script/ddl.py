"""Says which tables and columns a statement makes, renames or takes away, as it writes them.

Knows CREATE, ALTER, DROP TABLE and TRUNCATE; what a function or a cascade does beyond, no text tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sessmig.model import Dialect
from sessmig.quoting import quoted
from sessmig.script.outline import Term, outside
from sessmig.script.tokens import atoms

_NO_NAME = {"IF", "NOT", "EXISTS", "ONLY", "TABLE", "FOREIGN"}
_NO_COLUMN = {"CONSTRAINT"}


@dataclass(frozen=True, slots=True)
class Act:
    """What a statement does to tables; names as written."""

    verb: str = ""
    """Its first word, in capitals."""
    tables: tuple[str, ...] = ()
    dropped_columns: tuple[str, ...] = ()
    new_name: str = ""
    """What the table is renamed to."""
    is_temporary: bool = False
    cascades: bool = False


# The guard asks for the same statement when it looks, when it reckons what to count, and when it was done.
@lru_cache(maxsize=256)
def act(text: str, dialect: Dialect) -> Act:
    """Read a CREATE, ALTER or DROP TABLE or a TRUNCATE."""
    terms = [term for term in outside(text, dialect) if term[1] != ";"]
    verb = terms[0][0] if terms else ""
    if verb == "DROP" and dialect == "sqlite" and "'" in text:
        terms = [term for term in outside(_with_names(text), dialect) if term[1] != ";"]
    if verb == "CREATE":
        head = [word for word, _ in terms[: _place(terms, "TABLE")]]
        name = next(_named(iter(terms[_place(terms, "TABLE") + 1 :])), "")
        return Act(verb, (name,), is_temporary=bool({"TEMP", "TEMPORARY"} & set(head)))
    if verb == "ALTER":
        return _altered(terms[_place(terms, "TABLE") + 1 :])
    if verb in ("DROP", "TRUNCATE"):
        names = [name for name in _named(iter(terms[1:])) if name.upper() not in ("CASCADE", "RESTRICT")]
        tail = [word for word, _ in terms]
        if verb == "TRUNCATE":  # RESTART IDENTITY, CONTINUE IDENTITY
            names = [name for name in names if name.upper() not in ("RESTART", "CONTINUE", "IDENTITY")]
        return Act(verb, tuple(names), cascades="CASCADE" in tail)
    return Act()


def _with_names(text: str) -> str:
    """Write literals as names: SQLite takes `DROP TABLE 't'` so."""
    return " ".join(
        quoted(text[start + 1 : end - 1].replace("''", "'")) if kind == "string" else text[start:end]
        for kind, start, end in atoms(text, "sqlite")
    )


def _place(terms: Sequence[Term], word: str) -> int:
    return next((n for n, (found, _) in enumerate(terms) if found == word), 0)


def _named(terms: Iterator[Term]) -> Iterator[str]:
    for word, written in terms:
        if word not in _NO_NAME and (word or len(written) > 1):
            yield written


def _altered(terms: Sequence[Term]) -> Act:
    names = [n for n, (word, written) in enumerate(terms) if word not in _NO_NAME and (word or len(written) > 1)]
    if not names:
        return Act()
    table, actions = terms[names[0]][1], terms[names[0] + 1 :]
    columns, new_name, start = [], "", True
    for n, (word, written) in enumerate(actions):
        if start and word == "DROP":
            columns += _column(actions[n + 1 :])
        elif start and word == "RENAME" and n + 2 < len(actions) and actions[n + 1][0] == "TO":
            new_name = actions[n + 2][1]
        # `ALTER TABLE t * DROP …` is an old way to say that its children are meant too.
        start = written == "," or (start and written == "*")
    return Act("ALTER", (table,), tuple(columns), new_name, cascades=any(word == "CASCADE" for word, _ in actions))


def _column(terms: Sequence[Term]) -> list[str]:
    rest = list(terms)
    if rest and rest[0][0] in _NO_COLUMN:
        return []
    if rest and rest[0][0] == "COLUMN":
        rest = rest[1:]
    if [word for word, _ in rest[:2]] == ["IF", "EXISTS"]:
        rest = rest[2:]
    return [rest[0][1]] if rest else []
