"""Rules on what only one of the two databases knows.

Knows SQLite's reading of double quotes, and PostgreSQL's indexes, enums and search_path; docs/lint/ says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from sessmig import script
from sessmig.lint.finding import Found, Rule
from sessmig.lint.names import is_surely_a_name
from sessmig.lint.sheet import Sheet
from sessmig.lint.statement import Statement, Term

_KEEPING = ("ROLE", "USER", "DATABASE")
"""What may keep a setting for its later sessions."""


def _quoted(sheet: Sheet) -> Iterator[Found]:
    for statement in sheet.statements:
        if '"' not in statement.text:
            continue
        for term in statement.terms:
            is_quoted = term.kind == "name" and term.text[0] == '"'
            if (
                is_quoted
                and statement.bare(term.text) not in sheet.tables.names
                and not is_surely_a_name(statement, term)
            ):
                told = f"{term.text} is a text to SQLite where no column has that name, and no file here names one so"
                yield Found(statement.line_of(term), told)


def _concurrently(sheet: Sheet) -> Iterator[Found]:
    for statement in sheet.statements:
        head = [word for word in statement.head if word != "UNIQUE"]
        if head[:6] == ["CREATE", "INDEX", "CONCURRENTLY", "IF", "NOT", "EXISTS"]:
            yield Found(statement.line, "CONCURRENTLY IF NOT EXISTS takes an index that was left invalid for done")


def _enum(sheet: Sheet) -> Iterator[Found]:
    adding = sheet.beside or sheet
    if adding.has("no-transaction"):
        return
    made: set[str] = set()
    for number, statement in enumerate(adding.statements):
        kind = statement.head[:2]
        name = statement.bare(script.outline(statement.text, sheet.dialect).target) if kind[1:] == ("TYPE",) else ""
        if kind == ("CREATE", "TYPE"):
            made.add(name)
        if kind != ("ALTER", "TYPE") or name in made:
            continue
        asked = sheet.statements if sheet.beside else sheet.statements[number + 1 :]
        for value in _added_values(adding, number):
            used = next((place for later in asked for place in _uses(sheet, later, value, name)), None)
            merges = [m.line for m in sheet.merges if sheet.beside and value in m.text]
            if line := used or next(iter(merges), None):
                where = f"line {statement.line}" + (f" of {adding.path.name}" if sheet.beside else "")
                yield Found(line, f"the enum's value {value} of {where} is used in the transaction that adds it")


def _uses(sheet: Sheet, statement: Statement, value: str, kind: str) -> Iterator[int]:
    """Yield the lines on which a statement uses a text, where the files do not tell that it is of another type."""
    if statement.head[:1] == ("COMMENT",):
        return
    for term in statement.terms:
        if term.kind == "string" and term.text == value and _may_be_of(sheet, statement, term, kind):
            yield statement.line_of(term)


def _may_be_of(sheet: Sheet, statement: Statement, term: Term, kind: str) -> bool:
    """Whether a text goes to, or is compared with, a column of an enum; yes, where that cannot be told."""
    behind = [t.text for t in statement.terms[term.number + 1 : term.number + 3]]
    if behind == [":", ":"] and term.number + 3 < len(statement.terms):
        return statement.name(term.number + 3)[0] == kind
    column = _column_of(statement, term)
    tables = statement.sources(statement.terms) | {change.target for change in statement.changes}
    types = {sheet.tables.shape(table).types.get(column, "") for table in tables} - {""}
    return not column or not types or kind in types


def _column_of(statement: Statement, term: Term) -> str:
    """Return the column that a text is set to or compared with; '' where that is not plain to see."""
    terms = statement.terms
    if term.number > 1 and terms[term.number - 1].text == "=" and terms[term.number - 2].is_name:
        return statement.bare(terms[term.number - 2].text)
    change = next((c for c in statement.changes if c.verb == "INSERT" and c.columns and not c.query), None)
    opening = next((t for t in reversed(terms[: term.number]) if t.depth < term.depth), None)
    if (
        change is None
        or opening is None
        or (terms[opening.number - 1].word or terms[opening.number - 1].text) not in ("VALUES", ",")
    ):
        return ""
    place = sum(t.text == "," and t.depth == term.depth for t in terms[opening.number : term.number])
    return change.columns[place] if change.columns and place < len(change.columns) else ""


def _added_values(sheet: Sheet, number: int) -> Iterator[str]:
    terms = sheet.statements[number].terms
    for term in terms:
        if term.word == "ADD" and term.number + 2 < len(terms) and terms[term.number + 1].word == "VALUE":
            value = next((t for t in terms[term.number + 2 :] if t.kind == "string"), None)
            if value:
                yield value.text


def _search_path(sheet: Sheet) -> Iterator[Found]:
    for statement in sheet.statements:
        outline = script.outline(statement.text, sheet.dialect)
        words = [t.word or t.text.lower().strip("\"'") for t in statement.terms]
        is_set = outline.verb in ("SET", "RESET") and outline.target.strip('"').lower() == "search_path"
        is_schema = words[:1] == ["SET"] and "SCHEMA" in words[1:3] and "=" not in words[:4]
        is_called = "SET_CONFIG" in words and "search_path" in words
        if is_set or is_schema or is_called:
            yield Found(statement.line, "search_path is set: the names below mean other tables than in the verify file")
        elif words[:1] == ["ALTER"] and words[1:2] and words[1] in _KEEPING and _sets_path(words):
            told = "search_path is set for every later session: the names of later files mean other tables there"
            yield Found(statement.line, told)


def _sets_path(words: Sequence[str]) -> bool:
    return any(a in ("SET", "RESET") and b.lower() == "search_path" for a, b in pairwise(words))


RULES = (
    Rule(
        "double-quoted-text",
        "Write a text in single quotes, and a name with its table before it, or in backticks.",
        _quoted,
        dialects=("sqlite",),
    ),
    Rule(
        "concurrently-if-not-exists",
        "Leave IF NOT EXISTS out: sessmig asks whether the index is there and valid, and builds an invalid one anew.",
        _concurrently,
        dialects=("postgres",),
    ),
    Rule(
        "enum-value-in-use",
        "Add the value in a migration of its own, before this one.",
        _enum,
        kinds=("migration", "rollback", "verify"),
        dialects=("postgres",),
    ),
    Rule("search-path", "Leave it out, and write SCHEMA.TABLE.", _search_path, dialects=("postgres",)),
)
