"""Reads what a script's statements may write to, by their words alone.

Knows statements; asks no database. What it does not know for harmless may write anything at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sessmig import script
from sessmig.model import Dialect, Script
from sessmig.terms import Name, Term, body, name_at, term, terms

Kind = Literal["insert", "update", "take", "shape", "rename", "make", "may make", "drop", "hide", "path", "anything"]
"""`take`: takes rows away; `shape`: alters a table; `may make`: unless it is there; `hide`: a view, or what else is no
table, gets or loses this name; `path`: names without a schema may mean other tables from here on."""


@dataclass(frozen=True, slots=True)
class Write:
    """What a statement may write."""

    kind: Kind
    name: Name = ()
    """What it writes to; () where that is not known."""
    columns: frozenset[str] = frozenset()
    """What an UPDATE sets; nothing where that is not known."""
    new_name: Name = ()
    others: frozenset[str] = frozenset()
    """What else a statement that alters a table names."""


_ANYTHING = Write("anything")
_STIRRING = re.compile(r"\b(?:UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
_NAMING = ("rename", "make", "may make", "drop", "hide", "path")
_QUIET = {
    *("", "COMMENT", "GRANT", "REVOKE", "ANALYZE", "LOCK", "VACUUM", "REINDEX", "CLUSTER", "SHOW", "NOTIFY", "ATTACH"),
    *("SAVEPOINT", "RELEASE", "DISCARD", "LISTEN", "UNLISTEN"),
}
_OF_ROWS = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "WITH", "COPY", "SELECT", "VALUES", "TABLE", "EXPLAIN")
_ATTRIBUTES = {
    *("OR", "REPLACE", "UNIQUE", "TEMP", "TEMPORARY", "GLOBAL", "LOCAL", "UNLOGGED", "RECURSIVE", "CONSTRAINT"),
    *("TRUSTED", "PROCEDURAL", "MATERIALIZED"),
}
# What may be made and changes no row, and what may be dropped.
_MADE_APART = {
    *("INDEX", "SEQUENCE", "SCHEMA", "TYPE", "DOMAIN", "EXTENSION", "STATISTICS", "COLLATION", "ROLE", "USER"),
    *("PUBLICATION", "SUBSCRIPTION", "LANGUAGE", "SERVER"),
}
_DROPPED_APART = {"INDEX", "TRIGGER", "SEQUENCE", "FUNCTION", "PROCEDURE", "STATISTICS", "PUBLICATION", "DOMAIN"}
_BEHIND_BODY = {"EXECUTE", "PERFORM", "CALL", "TRUNCATE", "DROP", "ALTER", "CREATE", "REFRESH", "COPY"}
"""In the body of a DO or a function, what is read no further."""
_NO_CALL = {
    *("FROM", "IN", "AS", "WHERE", "AND", "OR", "NOT", "EXISTS", "VALUES", "SELECT", "ON", "JOIN", "BY", "OVER"),
    *("FILTER", "ANY", "ALL", "SOME", "UNION", "EXCEPT", "INTERSECT", "WHEN", "THEN", "ELSE", "CASE", "USING", "SET"),
    *("WITH", "MATERIALIZED", "DISTINCT", "INTO", "CONFLICT", "EXPLAIN", "KEY", "CAST", "LIMIT", "HAVING", "RETURNING"),
    *("CAST", "IF", "WHILE", "EXTRACT", "LATERAL", "ONLY", "ARRAY", "ROW", "VARCHAR", "NUMERIC"),
}
_HARMLESS = {"setval", "nextval", "currval", "max", "min", "count", "sum", "coalesce", "greatest", "least", "now"} | {
    *("set_config", "nullif", "lower", "upper", "trim", "length", "concat", "replace", "random"),
}


def writes(source: Script, dialect: Dialect) -> tuple[Write, ...]:
    """Return what a script's statements may write, in their order; the same one after the other once."""
    found: list[Write] = []
    met: set[Write] = set()
    for text in _texts(source):
        for write in _of_statement(text, dialect):
            if write in met:
                continue
            if write.kind in _NAMING:
                met.clear()  # the names mean other tables from here on
            met.add(write)
            found.append(write)
    return tuple(found)


def _texts(source: Script) -> Iterator[str]:
    heads = set[str]()
    for piece in source.pieces:
        if not piece.is_plain:
            yield piece.statement
        elif piece.head not in heads:
            heads.add(piece.head)
            yield f"{piece.head} VALUES (0)"


def _of_statement(text: str, dialect: Dialect) -> Iterator[Write]:
    # Of these there may be 200,000.
    if text[:6].upper() == "INSERT" and not _STIRRING.search(text) and (to := script.outline(text, dialect).target):
        yield Write("insert", script.parts(to, dialect))
        return
    found = terms(text, dialect)
    while found and found[0].written == "(":
        del found[0]
    verb = term(found, 0).word
    if verb in ("SET", "RESET", "SELECT") and _sets_path(found):
        yield Write("path")
    if verb in ("SET", "RESET") or verb in _QUIET:
        return
    if verb in _OF_ROWS:
        yield from _of_rows(found)
        asks = verb not in ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "COPY")
        if asks and script.outline(text, dialect).verb not in ("INSERT", "UPDATE", "DELETE") and _calls(found):
            yield _ANYTHING
    elif verb == "PRAGMA":
        if term(found, 1).name[-1:] == ("writable_schema",):
            yield _ANYTHING
    elif verb == "DO":
        yield from _of_bodies(found, dialect)
    elif verb in ("CREATE", "ALTER", "DROP", "TRUNCATE"):
        yield from {"CREATE": _created, "ALTER": _altered, "DROP": _dropped, "TRUNCATE": _truncated}[verb](
            found, dialect
        )
    else:
        yield _ANYTHING


def _sets_path(found: Sequence[Term]) -> bool:
    return any(part.lower() in ("search_path", "schema", "set_config") for one in found for part in one.name)


def _calls(found: Sequence[Term]) -> bool:
    """Tell whether a function is called that might do anything; those of PostgreSQL's own do not."""
    for at, one in enumerate(found[:-1]):
        if one.name and found[at + 1].written == "(" and one.word not in _NO_CALL:
            own = len(one.name) == 1 or one.name[0] == "pg_catalog"
            if not own or not (one.name[-1] in _HARMLESS or one.name[-1].startswith("pg_")):
                return True
    return False


def _of_rows(found: Sequence[Term]) -> Iterator[Write]:
    """Read what INSERT, UPDATE, DELETE and MERGE write, wherever in a statement they stand."""
    into: Name = ()
    for at, one in enumerate(found):
        before = term(found, at - 1).word
        if one.word == "INTO":
            into = name_at(found, at + 1, "TEMP", "TEMPORARY", "LOCAL", "GLOBAL", "UNLOGGED", "TABLE", "ONLY")
            is_row = before in ("INSERT", "REPLACE", "MERGE") or term(found, at - 2).word == "OR"
            yield _named("take" if before == "REPLACE" else "insert" if is_row else "make", into)
        elif one.word == "UPDATE" and before not in ("FOR", "KEY", "ON"):
            behind = term(found, at + 1).word
            name = into if behind == "SET" else name_at(found, at + (3 if behind == "OR" else 1), "ONLY", "(")
            if behind == "OR":
                yield _named("take", name)
            yield _named("update", name, _set(found, at))
        elif one.word == "DELETE" and before != "ON":
            is_own = term(found, at + 1).word == "FROM"
            yield _named("take", name_at(found, at + 2, "ONLY", "(") if is_own else into)
        elif one.word == "COPY" and not at and term(found, 1).name:
            yield Write("insert", term(found, 1).name)


def _named(kind: Kind, name: Name, columns: frozenset[str] = frozenset()) -> Write:
    return Write(kind, name, columns) if name else _ANYTHING


def _set(found: Sequence[Term], at: int) -> frozenset[str]:
    """Name the columns that an UPDATE sets."""
    start = next((n for n in range(at, len(found)) if found[n].word == "SET"), len(found))
    columns, depth, is_next, is_listed = set[str](), 0, True, False
    for one in found[start + 1 :]:
        if depth < 0 or (not depth and (one.word in ("WHERE", "RETURNING") or one.written == ";")):
            break
        if one.name and (is_listed or (is_next and not depth)):
            columns.add(one.name[-1])
            is_next = False
        elif not depth:
            is_listed = is_next and one.written == "("  # SET (a, b) = ...
            is_next = one.written == ","
        depth += (one.written == "(") - (one.written == ")")
        is_listed = is_listed and depth > 0
    return frozenset(columns)


def _of_bodies(found: Sequence[Term], dialect: Dialect) -> Iterator[Write]:
    """Read the statements in the texts of a DO or of a function, and those that stand in it without quotes."""
    yield from _outside_variables(found)
    for one in found:
        if one.word or len(one.name) != 1 or one.written[:1] not in ("'", "$"):
            continue
        text = body(one)
        inner = terms(text or "", dialect)
        if text is None or any(word.word in _BEHIND_BODY for word in inner) or _calls(inner) or _sets_path(inner):
            yield _ANYTHING
        else:
            yield from _outside_variables(inner)


def _outside_variables(found: Sequence[Term]) -> Iterator[Write]:
    """Leave out what SELECT INTO makes: there it is no table."""
    return (write for write in _of_rows(found) if write.kind != "make")


def _created(found: Sequence[Term], dialect: Dialect) -> Iterator[Write]:
    at = next((n for n, one in enumerate(found) if n and one.word not in _ATTRIBUTES), len(found))
    kind = term(found, at).word
    if kind in ("FOREIGN", "VIRTUAL") and term(found, at + 1).word == "TABLE":
        yield _named("hide", name_at(found, at + 2, "IF", "NOT", "EXISTS"))
    elif kind == "VIEW":
        yield _named("hide", name_at(found, at + 1, "IF", "NOT", "EXISTS"))
    elif kind == "TABLE":
        is_sure = term(found, at + 1).word != "IF"
        yield _named("make" if is_sure else "may make", name_at(found, at + 1, "IF", "NOT", "EXISTS"))
        yield from _of_rows(found[at:])
    elif kind in ("FUNCTION", "PROCEDURE"):
        yield from _of_bodies(found, dialect)
    elif kind == "TRIGGER":
        start = next((n for n, one in enumerate(found) if one.word == "BEGIN"), None)
        yield from [_ANYTHING] if start is None else _of_rows(found[start:])
    elif kind not in _MADE_APART or any(one.word == "CREATE" for one in found[1:]):
        yield _ANYTHING


def _altered(found: Sequence[Term], _: Dialect) -> Iterator[Write]:
    at = next((n for n, one in enumerate(found) if n and one.word not in ("MATERIALIZED", "FOREIGN")), len(found))
    kind = term(found, at).word
    if kind not in ("TABLE", "VIEW", "INDEX", "SEQUENCE"):
        yield _ANYTHING
        return
    start = at + 1
    while term(found, start).word in ("IF", "EXISTS", "ONLY"):
        start += 1
    name, rest = term(found, start).name, [one for one in found[start + 1 :] if one.written not in ("*", ";")]
    said = [one.word for one in rest[:2]]
    if said == ["RENAME", "TO"] and len(rest) == 3:
        yield Write("rename", name, new_name=(*name[:-1], *rest[2].name)) if name else _ANYTHING
    elif said == ["SET", "SCHEMA"] and len(rest) == 3:
        yield Write("rename", name, new_name=(*rest[2].name, *name[-1:])) if name else _ANYTHING
    elif kind in ("TABLE", "VIEW"):
        others = frozenset(one.name[-1] for one in rest if one.name)
        yield Write("shape", name, others=others) if name else _ANYTHING


def _dropped(found: Sequence[Term], _: Dialect) -> Iterator[Write]:
    at = next((n for n, one in enumerate(found) if n and one.word not in ("MATERIALIZED", "FOREIGN")), len(found))
    kind = term(found, at).word
    if any(one.word == "CASCADE" for one in found) or kind not in {"TABLE", "VIEW", *_DROPPED_APART}:
        yield _ANYTHING
    elif kind in ("TABLE", "VIEW"):
        named = [one for one in found[at + 1 :] if one.name and one.word not in ("IF", "EXISTS", "RESTRICT")]
        for one in named:
            yield from (
                [_named("take", one.name), Write("drop", one.name)] if kind == "TABLE" else [_named("hide", one.name)]
            )


def _truncated(found: Sequence[Term], _: Dialect) -> Iterator[Write]:
    if any(one.word == "CASCADE" for one in found):
        yield _ANYTHING
    passed = ("TABLE", "ONLY", "RESTART", "CONTINUE", "IDENTITY", "RESTRICT")
    yield from (_named("take", one.name) for one in found[1:] if one.name and one.word not in passed)
