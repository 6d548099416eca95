"""Rules on what only one of the two databases knows.

Knows SQLite's reading of double quotes, and PostgreSQL's indexes, enums and search_path; docs/lint/ says why.
"""

from __future__ import annotations

from collections.abc import Iterator

from sessmig import script
from sessmig.lint.finding import Found, Rule
from sessmig.lint.names import is_surely_a_name
from sessmig.lint.sheet import Sheet


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
    if sheet.has("no-transaction"):
        return
    for number, statement in enumerate(sheet.statements):
        if statement.head[:2] != ("ALTER", "TYPE"):
            continue
        for value in _added_values(sheet, number):
            for later in sheet.statements[number + 1 :]:
                found = next((t for t in later.terms if t.kind == "string" and t.text == value), None)
                if found:
                    told = f"the enum's value {value} of line {statement.line} is used in the transaction that adds it"
                    yield Found(later.line_of(found), told)
                    break


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
        is_set = outline.verb in ("SET", "RESET") and outline.target.strip('"').lower() == "search_path"
        texts = [t.text.lower() for t in statement.terms]
        is_called = "set_config" in texts and "'search_path'" in texts
        if is_set or is_called:
            yield Found(statement.line, "search_path is set: the names below mean other tables than in the verify file")


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
        dialects=("postgres",),
    ),
    Rule("search-path", "Leave it out, and write SCHEMA.TABLE.", _search_path, dialects=("postgres",)),
)
