"""Rules on how rows are copied: what leaves some out, or puts them where nobody meant, without a word.

Knows INSERT … SELECT and its like; docs/lint/ says why each is a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sessmig.lint.change import Change
from sessmig.lint.columns import parted
from sessmig.lint.finding import Found, Rule
from sessmig.lint.sheet import Sheet
from sessmig.lint.statement import Statement, Term
from sessmig.script import outline

_TAILS = ("FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "UNION", "EXCEPT", "INTERSECT", "ORDER", "LIMIT")
_ON_CONFLICT = ("ON", "CONFLICT")
_PLAIN_KEY = "Leave ON CONFLICT out of the table, and say it where the rows are inserted: ON CONFLICT (KEY) DO …"


def _ignoring(sheet: Sheet) -> Iterator[Found]:
    for change in (*sheet.changes, *sheet.bodies):
        if change.conflict == "IGNORE":
            yield Found(change.line, f"{change.verb} OR IGNORE drops rows that break NOT NULL, CHECK or any UNIQUE")
    for line, table in _settled(sheet, "IGNORE"):
        yield Found(line, f"ON CONFLICT IGNORE in {table} itself: every INSERT drops rows that break it", _PLAIN_KEY)


def _replacing(sheet: Sheet) -> Iterator[Found]:
    for change in (*sheet.changes, *sheet.bodies):
        if change.conflict != "REPLACE":
            continue
        what = f"{change.verb} OR REPLACE" if change.verb != "REPLACE" else "REPLACE"
        if dependents := sheet.tables.dependents(change.target):
            told = f"{what} deletes rows of {change.target}, to which {', '.join(dependents)} refers"
            yield Found(change.line, told)
        elif change.target not in sheet.tables:
            told = f"{what} deletes rows of {change.target}, and these files do not tell what refers to it"
            yield Found(change.line, told)
    for line, table in _settled(sheet, "REPLACE"):
        yield Found(line, f"ON CONFLICT REPLACE in {table} itself: every INSERT deletes rows in its way", _PLAIN_KEY)


def _settled(sheet: Sheet, what: str) -> Iterator[tuple[int, str]]:
    """Yield where a table's own definition says what happens to rows that break it, and the table."""
    for statement in sheet.statements:
        if statement.head[:1] not in (("CREATE",), ("ALTER",)) or "TABLE" not in statement.head[:4]:
            continue
        for term in statement.terms[:-2]:
            words = (term.word, *(t.word for t in statement.terms[term.number + 1 : term.number + 3]))
            if words == (*_ON_CONFLICT, what):
                yield statement.line_of(term), statement.bare(outline(statement.text, statement.dialect).target)


def _conflict(sheet: Sheet) -> Iterator[Found]:
    for change in sheet.changes:
        for term, behind in zip(change.own, change.own[1:], strict=False):
            if (term.word, behind.word) == _ON_CONFLICT:
                place = behind.number + 1
                target = change.statement.terms[place] if place < len(change.statement.terms) else behind
                if target.text != "(" and target.word != "ON":
                    yield Found(change.statement.line_of(term), "ON CONFLICT without the key that it means")


def _columns(sheet: Sheet) -> Iterator[Found]:
    for change in sheet.changes:
        if change.verb in ("INSERT", "REPLACE") and change.query and change.columns is None:
            yield Found(change.line, f"INSERT INTO {change.target} … SELECT names no columns")


def _star(sheet: Sheet) -> Iterator[Found]:
    for change in sheet.changes:
        if change.verb not in ("INSERT", "REPLACE"):
            continue
        for term in selected(change):
            if term.text == "*" and _is_all(change.statement, term):
                yield Found(change.statement.line_of(term), f"the rows for {change.target} are taken with *")
        if change.query[:1] and change.query[0].word == "TABLE":
            yield Found(change.line, f"the rows for {change.target} are taken with TABLE, which is SELECT *")


def _is_all(statement: Statement, star: Term) -> bool:
    before = statement.terms[star.number - 1]
    return before.word in ("SELECT", "DISTINCT", "ALL") or before.text in (".", ",")


def selected(change: Change) -> Iterator[Term]:
    """Yield the terms of the lists that a change's query selects, those within parentheses not counted."""
    for arm in arms(change):
        for column in arm:
            yield from (term for term in column if term.depth == arm[0][0].depth)


def arms(change: Change) -> Iterator[list[list[Term]]]:
    """Yield what each SELECT of a change's query selects, column by column."""
    query = change.query
    depth = query[0].depth if query else 0
    for term in query:
        if term.word == "SELECT" and term.depth == depth and (found := listed(change.statement, term)):
            yield found


def listed(statement: Statement, select: Term) -> list[list[Term]]:
    """Return what a SELECT selects, column by column."""
    depth = select.depth
    rest = statement.terms[select.number + 1 :]
    end = next((t.number for t in rest if t.depth < depth or (t.depth == depth and _ends(t))), None)
    return list(parted(_without_distinct(statement.terms[select.number + 1 : end])))


def _ends(term: Term) -> bool:
    return term.word in _TAILS or term.text == ";"


def _without_distinct(terms: Sequence[Term]) -> Sequence[Term]:
    return terms[1:] if terms and terms[0].word in ("DISTINCT", "ALL") else terms


RULES = (
    Rule(
        "or-ignore",
        "Write ON CONFLICT (KEY) DO NOTHING, or leave the rows out by a condition: WHERE NOT EXISTS (…).",
        _ignoring,
        dialects=("sqlite",),
    ),
    Rule(
        "or-replace",
        "Write ON CONFLICT (KEY) DO UPDATE SET …, which changes the row and leaves all that refers to it.",
        _replacing,
        dialects=("sqlite",),
    ),
    Rule("conflict-target", "Name the key: ON CONFLICT (KEY) DO NOTHING; all else then fails the step.", _conflict),
    Rule("insert-columns", "Name them: INSERT INTO TABLE (COLUMN, …) SELECT …", _columns),
    Rule("select-star", "Name the columns, in the order in which they are inserted.", _star),
)
