"""Says what a statement is, from its first words: enough to name it, not to understand it.

Reads no further than it must, and knows nothing of files. A wrong guess here costs a word in a report;
what is run is decided by the cut alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sessmig.model import Dialect
from sessmig.script.tokens import atoms, tokens

Term = tuple[str, str]
"""A word in capitals, or '' for what is no keyword, and the text as written."""

# `::` and `:=` are read first, so that neither half is taken for a name's colon.
_PLACEHOLDER = re.compile(r"::|:=|:([A-Za-z_][A-Za-z0-9_]*)")


def placeholders(text: str, dialect: Dialect) -> list[tuple[int, str]]:
    """Return every `:name` outside quotes and comments, with the offset of its colon.

    A name is ASCII letters, digits and underscores. Casts (`::int`) and `:=` are none; the upper
    bound of an array slice written as a bare column (`a[1:n]`) looks like one, as it does to psql.
    """
    return [
        (found.start(), found.group(1))
        for kind, start, end in tokens(text, dialect)
        if kind == "run"
        for found in _PLACEHOLDER.finditer(text, start, end)
        if found.group(1)
    ]


def words(text: str, dialect: Dialect, limit: int = 8) -> list[str]:
    """Return the first words of a statement, up to `limit`, from outside its parentheses.

    - A bare word is in capitals: `CREATE`, `UNIQUE`, `INDEX`, `CONCURRENTLY`.
    - A name with its dots is one word, so that places do not shift: `PUBLIC.T`.
    - A name with quotes in it stays as written, quotes included: no keyword can look like it.
    - Literals, numbers, other signs, comments, and all within parentheses are left out:
      `REINDEX (VERBOSE) TABLE t` gives REINDEX, TABLE, T. Parentheses that open the statement are not
      counted, so `(SELECT 1)` gives SELECT.
    - The statement's semicolon ends it, or the first inner one of a trigger.
    """
    found: list[str] = []
    for word, written in outside(text, dialect):
        if word or _is_name(written):
            found.append(word or written)
        if written == ";" or len(found) == limit:
            break
    return found


def _terms(text: str, dialect: Dialect) -> Iterator[Term]:
    """Yield words, dotted names and signs; literals come as `'`, numbers as `0`."""
    start = end = -1
    plain, dotted = True, False
    for kind, at, to in atoms(text, dialect):
        if start >= 0 and (text[at] == "." or (dotted and kind in ("word", "name"))):
            end, dotted = to, text[at] == "."
            plain = plain and kind != "name"
            continue
        if start >= 0:
            yield text[start:end].upper() if plain else "", text[start:end]
            start, dotted = -1, False
        if kind in ("word", "name"):
            start, end, plain = at, to, kind == "word"
        elif kind in ("open", "backslash"):
            return
        else:
            yield "", {"string": "'", "number": "0"}.get(kind, text[at])
    if start >= 0:
        yield text[start:end].upper() if plain else "", text[start:end]


def outside(text: str, dialect: Dialect) -> Iterator[Term]:
    """Yield the terms outside parentheses; a pair that holds something comes as its two signs."""
    depth, begun = 0, False
    for word, written in _terms(text, dialect):
        if written == "(" and not begun:
            continue
        begun = True
        depth -= written == ")" and depth > 0
        if not depth:
            yield word, written
        depth += written == "("


def _is_name(written: str) -> bool:
    return len(written) > 1


@dataclass(frozen=True, slots=True)
class Outline:
    """What a statement is, for people: `CREATE TABLE` and `public.t`."""

    verb: str
    """The kind in capitals; '' where there is no statement."""
    target: str
    """The table or object as written, with schema and quotes; '' where there is none."""


_MAIN = ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "REPLACE")
# What stands between CREATE or DROP and the kind, and changes nothing about the kind.
_ATTRIBUTES = {
    *("OR", "REPLACE", "UNIQUE", "TEMP", "TEMPORARY", "GLOBAL", "LOCAL", "UNLOGGED", "VIRTUAL", "RECURSIVE"),
    *("CONSTRAINT", "TRUSTED", "PROCEDURAL"),
}
# The first words of the kinds that have two words or three.
_LONG_KINDS = {"MATERIALIZED": 2, "FOREIGN": 2, "EVENT": 2, "TEXT": 3, "ACCESS": 2, "LARGE": 2, "DEFAULT": 2}
_BEFORE_OBJECT = {"IF", "NOT", "EXISTS", "CONCURRENTLY", "ONLY", "BY"}
_AFTER_ON = {
    *("TABLE", "SEQUENCE", "FUNCTION", "PROCEDURE", "SCHEMA", "DATABASE", "TYPE", "LANGUAGE"),
    *("ALL", "TABLES", "SEQUENCES", "FUNCTIONS", "ROUTINES", "IN"),
}
# Of such there may be 200,000 in a file; for the others the words are read one by one.
_PLAIN_INSERT = re.compile(
    r"INSERT[ \t\r\n]+INTO[ \t\r\n]+([A-Za-z_][A-Za-z0-9_]*)(?=[ \t\r\n]*\(|[ \t\r\n]+(?:VALUES|SELECT)\b)",
    re.IGNORECASE,
)
_INTO_TABLE = {"TEMP", "TEMPORARY", "UNLOGGED", "TABLE"}
# The verbs that stand before a name, and the words and signs that may stand between.
_NAMING: dict[str, set[str]] = {
    "INSERT": {"INTO"},
    "REPLACE": {"INTO"},
    "UPDATE": {"ONLY"},
    "DELETE": {"FROM", "ONLY"},
    "MERGE": {"INTO", "ONLY"},
    "TRUNCATE": {"TABLE", "ONLY"},
    "TABLE": {"ONLY"},
    "COPY": {"BINARY"},
    "LOCK": {"TABLE", "ONLY"},
    "CALL": set(),
    "ANALYZE": {"VERBOSE", "(", ")"},
    "CLUSTER": {"VERBOSE", "(", ")"},
    "VACUUM": {"FULL", "FREEZE", "VERBOSE", "ANALYZE", "(", ")"},
    "PRAGMA": set(),
    "RESET": set(),
    "REINDEX": {"TABLE", "INDEX", "SCHEMA", "DATABASE", "SYSTEM", "CONCURRENTLY", "(", ")"},
    "SET": {"LOCAL", "SESSION"},
    "NOTIFY": set(),
    "LISTEN": set(),
    "DETACH": {"DATABASE"},
}


def outline(text: str, dialect: Dialect) -> Outline:
    """Name a statement's kind and what it is about.

    A WITH is what stands behind its list; EXPLAIN stays EXPLAIN. Of several names (`DROP TABLE a, b`)
    the first is the target; of an index, trigger, policy or rule it is its own name, and the table's
    only where it has none. A query is about the first table of its FROM, or about what it makes (INTO).
    """
    if plain := _PLAIN_INSERT.match(text):
        return Outline("INSERT", plain.group(1))
    terms = outside(text, dialect)
    verb = next(terms, ("", ""))[0]
    if verb == "WITH":
        verb = _behind_with(terms)
    if verb in ("CREATE", "DROP", "ALTER", "REFRESH"):
        return _of_object(verb, terms)
    if verb in ("COMMENT", "GRANT", "REVOKE"):
        _skip_to(terms, "ON")
        if verb == "COMMENT":
            next(terms, None)  # the kind
        return Outline(verb, _name(terms, {"VIEW"} if verb == "COMMENT" else _AFTER_ON))
    if verb == "SELECT":
        return Outline(verb, _of_query(terms))
    return Outline(verb, _name(terms, _NAMING[verb]) if verb in _NAMING else "")


def is_balanced(text: str, dialect: Dialect) -> bool:
    """Tell whether each parenthesis that opens closes, and the other way round."""
    depth = 0
    for kind, start, _ in atoms(text, dialect):
        if kind == "sign" and text[start] in "()":
            depth += 1 if text[start] == "(" else -1
            if depth < 0:
                return False
    return not depth


def _behind_with(terms: Iterator[Term]) -> str:
    """Return the main verb: the first outside parentheses that is not the name of a table expression."""
    before = "WITH"
    for word, written in terms:
        if word in _MAIN and before not in ("WITH", "RECURSIVE", ","):
            return word
        if (before, written) == (")", "("):
            return "SELECT"
        before = word or written
    return "WITH"


def _of_object(verb: str, terms: Iterator[Term]) -> Outline:
    kinds = [verb, next((word for word, _ in terms if word not in _ATTRIBUTES), "")]
    while len(kinds) <= _LONG_KINDS.get(kinds[1], 1):
        kinds.append(next(terms, ("", ""))[0])
    if kinds[1:] == ["FOREIGN", "DATA"]:
        kinds.append(next(terms, ("", ""))[0])
    kind = " ".join(kinds).strip()
    if kind in ("ALTER SYSTEM", "ALTER DEFAULT PRIVILEGES"):
        return Outline(kind, "")
    target = _name(terms, _BEFORE_OBJECT)
    # PostgreSQL's indexes may go without a name of their own.
    if kinds[1] == "INDEX" and target.upper() == "ON":
        target = _name(terms, {"ONLY"})
    return Outline(kind, target)


def _of_query(terms: Iterator[Term]) -> str:
    before = ""
    for word, written in terms:
        if word == "INTO":
            return _name(terms, _INTO_TABLE)
        # `IS DISTINCT FROM` compares.
        if word == "FROM" and before != "DISTINCT":
            return _name(terms, {"ONLY", "LATERAL"})
        before = word or written
    return ""


def _skip_to(terms: Iterator[Term], word: str) -> None:
    next((found for found, _ in terms if found == word), None)


def _name(terms: Iterator[Term], skipped: set[str]) -> str:
    """Return the next name as written, past words that are none; '' if something else comes first."""
    for word, written in terms:
        if word == "OR":
            next(terms, None)  # INSERT OR IGNORE, and the like
        elif (word or written) not in skipped:
            return written if word or _is_name(written) else ""
    return ""
