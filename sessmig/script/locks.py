"""Says which locks a statement will want on PostgreSQL's tables, as far as its text tells.

Knows the manual's list, and where a text does not tell; what a trigger, a foreign key or a function does beyond, no
text tells. See https://www.postgresql.org/docs/current/explicit-locking.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from sessmig.model import Dialect
from sessmig.script.ddl import act
from sessmig.script.lock_names import (
    ALL,
    WEAK,
    Wanted,
    altered,
    asked_for,
    behind,
    commented,
    held,
    inherited,
    listed,
    referenced,
)
from sessmig.script.outline import Outline, Term, outline, outside
from sessmig.script.tokens import atoms

_MOST = 2_000
"""So many words of a statement are read."""
_CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE")
_BY_VERB = {
    **dict.fromkeys(_CHANGING, "ROW EXCLUSIVE"),
    "CLUSTER": ALL,
    "ANALYZE": WEAK,
    "ALTER VIEW": ALL,
    "ALTER FOREIGN TABLE": ALL,
}
_ON = {
    "CREATE INDEX": "SHARE",
    "CREATE TRIGGER": "SHARE ROW EXCLUSIVE",
    "CREATE POLICY": ALL,
    **{f"{verb} {kind}": ALL for verb in ("ALTER", "DROP") for kind in ("POLICY", "RULE", "TRIGGER")},
}
"""What names its table behind ON."""
_DROPPING = {f"DROP {kind}" for kind in ("VIEW", "MATERIALIZED VIEW", "SEQUENCE", "FOREIGN TABLE")}
_TELLING_NOTHING = ("DO", "CALL", "EXECUTE", "DROP SCHEMA", "DROP OWNED", "REASSIGN", "IMPORT")
_ANY = ("ANALYZE", "VACUUM", "CLUSTER")
"""Without a name they are for all tables."""
_MADE_BY = (
    "DROP FUNCTION",
    "DROP PROCEDURE",
    "DROP ROUTINE",
    "DROP TYPE",
    "DROP DOMAIN",
    "DROP EXTENSION",
    "DROP ROLE",
)
_HARMLESS = {
    *("SETVAL", "NEXTVAL", "CURRVAL", "LASTVAL", "SET_CONFIG", "CURRENT_SETTING", "NOW", "CLOCK_TIMESTAMP", "VERSION"),
    *("COUNT", "SUM", "MIN", "MAX", "AVG", "BOOL_AND", "BOOL_OR", "EXISTS", "IN", "ANY", "ALL", "SOME", "VALUES", "AS"),
    *("COALESCE", "NULLIF", "GREATEST", "LEAST", "CAST", "ROW", "ARRAY", "EXTRACT", "ROUND", "ABS", "LENGTH", "LOWER"),
    *("UPPER", "TRIM", "SUBSTRING", "SUBSTR", "REPLACE", "CONCAT", "FORMAT", "TO_CHAR", "TO_REGCLASS", "MD5", "UNNEST"),
    *("GENERATE_SERIES", "STRING_AGG", "ARRAY_AGG", "DATE_TRUNC", "RANDOM", "SELECT", "WHERE", "AND", "OR", "NOT"),
    *("PG_ADVISORY_XACT_LOCK", "PG_ADVISORY_LOCK", "PG_ADVISORY_UNLOCK", "PG_SLEEP", "FROM", "FILTER", "OVER", "ON"),
    *("PG_GET_SERIAL_SEQUENCE", "THEN", "ELSE", "WHEN", "LIMIT", "HAVING", "UNION", "EXCEPT", "INTERSECT", "LATERAL"),
}
"""What may stand before a parenthesis in a query and locks no table against anybody."""


def locks(text: str, dialect: Dialect) -> tuple[Wanted, ...]:
    """Return the locks that a statement will want, but for those of what only reads; on SQLite there are none."""
    if dialect != "postgres":
        return ()
    found = [*_wanted(text, dialect), *_within(text, dialect)]
    return tuple(dict.fromkeys((name, mode) for name, mode in found if name))


def locks_are_known(text: str, dialect: Dialect, *, gives: bool = False) -> bool:
    """Tell whether the text says on which tables a statement works at all; a DO block or `SELECT f()` does not.

    Args:
        text: the statement.
        dialect: on SQLite there is nothing to be known.
        gives: it gives statements that are run too.
    """
    if dialect != "postgres" or gives:
        return dialect != "postgres"
    found = outline(text, dialect)
    if found.verb in _CHANGING:
        return True
    terms = list(islice(outside(text, dialect), _MOST))
    spoken = {word for word, _ in terms}
    if found.verb.startswith(_TELLING_NOTHING) or (found.verb in _ANY and not found.target):
        return False
    if found.verb == "REINDEX" and {"SCHEMA", "DATABASE", "SYSTEM"} & spoken:
        return False
    if found.verb == "ALTER TABLE" and found.target.upper() == "ALL":
        return False
    if found.verb.startswith(_MADE_BY) and "CASCADE" in spoken:
        return False
    return found.verb != "SELECT" or not _calls(terms)


def _calls(terms: Sequence[Term]) -> bool:
    """Tell whether a query calls a function for what it does: without FROM, or in its place."""
    place = next((n for n, (word, _) in enumerate(terms) if word == "FROM"), len(terms))
    called = [
        (n, word.rpartition(".")[2] or written)
        for n, ((word, written), (_, sign)) in enumerate(pairwise(terms))
        if sign == "(" and (word or len(written) > 1)
    ]
    return any(name not in _HARMLESS for n, name in called if place == len(terms) or n == place + 1)


def _wanted(text: str, dialect: Dialect) -> Iterator[Wanted]:
    found = outline(text, dialect)
    if found.verb in _BY_VERB:
        yield found.target, _BY_VERB[found.verb]
        return
    terms = list(islice(outside(text, dialect), _MOST))
    spoken = [word or written for word, written in terms]
    if found.verb in _ON:
        yield behind(terms, "ON"), WEAK if "CONCURRENTLY" in spoken else _ON[found.verb]
    elif found.verb in _DROPPING:
        yield from ((name, ALL) for name in listed(terms))
    elif found.verb in ("DROP TABLE", "TRUNCATE"):
        yield from ((name, ALL) for name in act(text, dialect).tables)
    elif found.verb in ("ALTER TABLE", "ALTER MATERIALIZED VIEW"):
        yield from altered(found.target, terms, text, dialect)
    elif found.verb == "CREATE TABLE":
        yield from ((other, "SHARE ROW EXCLUSIVE") for other in referenced(text, dialect))
        yield behind(terms, "PARTITION", "OF"), ALL
        yield from ((name, WEAK) for name in inherited(text, dialect))
    elif found.verb == "LOCK":
        yield from asked_for(text, dialect)
    elif found.verb == "SELECT":
        yield from ((name, "ROW SHARE") for name in held(terms))
    else:
        yield _other(found, terms, spoken)


def _other(found: Outline, terms: Sequence[Term], spoken: Sequence[str]) -> Wanted:
    """Return the one lock of what is rare."""
    verb, beside = found.verb, "CONCURRENTLY" in spoken
    if verb == "REINDEX" and {"SCHEMA", "DATABASE", "SYSTEM"} & {*spoken}:
        return "", ""
    by_index = f"the table of {found.target}"
    known: dict[str, tuple[str, str]] = {
        "VACUUM": (found.target, ALL if "FULL" in spoken else WEAK),
        "COPY": ("" if "TO" in spoken else found.target, "ROW EXCLUSIVE"),
        "REINDEX": (by_index if "INDEX" in spoken else found.target, WEAK if beside else "SHARE"),
        "DROP INDEX": (by_index, WEAK if beside else ALL),
        "ALTER SEQUENCE": (found.target, ALL if {"RENAME", "OWNER", "SCHEMA"} & {*spoken} else "SHARE ROW EXCLUSIVE"),
        "CREATE VIEW": (found.target if "REPLACE" in spoken[:4] else "", ALL),
        "CREATE RULE": (behind(terms, "TO"), ALL),
        "CREATE STATISTICS": (behind(terms, "FROM"), WEAK),
        "REFRESH MATERIALIZED VIEW": (found.target, "EXCLUSIVE" if beside else ALL),
        "COMMENT": (commented(terms), WEAK),
    }
    return known.get(verb, ("", ""))


def _within(text: str, dialect: Dialect) -> Iterator[Wanted]:
    """Read what a WITH changes in its parentheses, and what EXPLAIN ANALYZE runs."""
    head = next(outside(text, dialect), ("", ""))[0]
    if head not in ("WITH", "EXPLAIN"):
        return
    is_run, before = head == "WITH", ""
    for kind, start, end in atoms(text, dialect):
        word = text[start:end].upper() if kind == "word" else text[start:end]
        is_run = is_run or word in ("ANALYZE", "ANALYSE")
        opens = before == "(" or (head == "EXPLAIN" and before in (")", "ANALYZE", "ANALYSE", "VERBOSE"))
        if is_run and opens and word in _CHANGING:
            yield outline(text[start:], dialect).target, _BY_VERB[word]
        before = word
