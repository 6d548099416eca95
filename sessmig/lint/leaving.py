"""Rules on queries that leave rows out, or take any: UNION, DISTINCT, LIMIT and their like.

Knows which query a word stands in, and whether its rows count; docs/lint/ says why each is a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sessmig.lint.change import Change
from sessmig.lint.columns import AGGREGATES
from sessmig.lint.copying import listed
from sessmig.lint.finding import Found, Rule
from sessmig.lint.sheet import Sheet
from sessmig.lint.statement import Statement, Term

_ASKING = ("EXISTS", "IN", "ANY", "SOME", "ALL")
_TOGETHER = ("UNION", "EXCEPT", "INTERSECT")
_QUERY = ("SELECT", "UPDATE", "DELETE")


def _union(sheet: Sheet) -> Iterator[Found]:
    for change in sheet.changes:
        if not change.query or any(term.word == "RECURSIVE" for term in change.scope):
            continue
        statement = change.statement
        for term in change.scope:
            if _is_leaving_out(sheet, change, term) and not is_asked(statement.terms, term):
                told = f"{term.word} leaves out rows for {change.target} that are alike in these columns"
                yield Found(statement.line_of(term), told, "" if term.word == "UNION" else _REMEDIES[term.word])


_REMEDIES = {
    "DISTINCT": "Take the key along, or write GROUP BY and say what becomes of rows that are alike.",
    "EXCEPT": "Leave rows out by a condition on the key: WHERE NOT EXISTS (…).",
    "INTERSECT": "Take rows by a condition on the key: WHERE EXISTS (…).",
}


def _is_leaving_out(sheet: Sheet, change: Change, term: Term) -> bool:
    """Whether a word makes one row of some that are alike, as far as the files tell."""
    terms = change.statement.terms
    behind = terms[term.number + 1] if term.number + 1 < len(terms) else term
    if term.word in _TOGETHER:
        if behind.word == "ALL":
            return False
        before = _select_before(terms, term)
        return term.word == "UNION" or before is None or not _is_list(sheet, change.statement, before)
    is_each = term.word == "DISTINCT" and term.number > 0 and terms[term.number - 1].word == "SELECT"
    return is_each and behind.word != "ON" and not _is_list(sheet, change.statement, terms[term.number - 1])


def _select_before(terms: Sequence[Term], term: Term) -> Term | None:
    """Return the SELECT of the query before a UNION and its like; None where it stands in parentheses."""
    before = reversed(terms[: term.number])
    return next((other for other in before if other.depth == term.depth and other.word == "SELECT"), None)


def _is_list(sheet: Sheet, statement: Statement, select: Term) -> bool:
    """Whether no two rows of a SELECT that count are alike: it lists values of one column, or takes a key along."""
    return len(listed(statement, select)) == 1 or _has_key(sheet, statement, select)


def _has_key(sheet: Sheet, statement: Statement, select: Term) -> bool:
    """Whether a column is selected that is a key of every table here that has it."""
    rest = statement.terms[select.number + 1 :]
    inside = rest[: next((n for n, t in enumerate(rest) if t.depth < select.depth), None)]
    own = [t for t in inside if t.depth == select.depth]
    tables = statement.sources(own[: next((n for n, t in enumerate(own) if t.word in _TOGETHER), None)])
    shapes = [sheet.tables.shape(table) for table in tables]
    for column in listed(statement, select):
        if column[0].is_name and len(column) in (1, 3, 5) and all(t.is_name or t.text == "." for t in column[:3]):
            name = statement.bare(column[2 if len(column) > 1 and column[1].text == "." else 0].text)
            having = [shape for shape in shapes if name in shape.columns]
            if having and all(name in shape.alone for shape in having):
                return True
    return False


def is_asked(terms: Sequence[Term], term: Term) -> bool:
    """Whether a term stands in a query that only says whether something is there."""
    depth = term.depth
    for other in reversed(terms[: term.number]):
        if other.text == "(" and other.depth < depth:
            if other.number and terms[other.number - 1].word in _ASKING:
                return True
            depth = other.depth
    return False


def _limit(sheet: Sheet) -> Iterator[Found]:
    for statement in sheet.statements:
        block = next((b for b in sheet.blocks if sheet.kind == "verify" and b.query.line == statement.line), None)
        if block and block.verb != "measure" and block.expects in ("none", "some"):
            continue  # the rows that come are examples only
        if statement.head[:1] == ("CREATE",) and "TABLE" not in statement.head[:4]:
            continue
        for term in statement.terms:
            is_any = (_is_limit(statement, term) and not _is_ordered(statement, term)) or _is_first(statement, term)
            if is_any and not _is_existence(statement, term) and not _is_one_row(statement, term):
                word = "DISTINCT ON" if term.word == "DISTINCT" else term.word
                yield Found(statement.line_of(term), f"{word} without ORDER BY takes any rows")


def _is_limit(statement: Statement, term: Term) -> bool:
    behind = statement.terms[term.number + 1] if term.number + 1 < len(statement.terms) else None
    if behind is None:
        return False
    if term.word == "LIMIT":
        return behind.text != "0" and behind.word != "ALL" and behind.text not in (",", ")", "=")
    if term.word == "OFFSET":  # behind LIMIT it is found there
        is_clause = behind.kind == "number" and behind.text != "0" and statement.terms[term.number - 1].kind != "sign"
        return is_clause and not any(t.word in ("LIMIT", "FETCH") for t in _query_of(statement, term))
    return bool(term.number) and term.word == "FETCH" and behind.word in ("FIRST", "NEXT")


def _is_first(statement: Statement, term: Term) -> bool:
    """Whether it is a DISTINCT ON whose query says nowhere which row is the first."""
    behind = statement.terms[term.number + 1 : term.number + 2]
    is_on = term.word == "DISTINCT" and bool(behind) and behind[0].word == "ON"
    return is_on and not any(t.word == "ORDER" for t in _query_of(statement, term))


def _query_of(statement: Statement, term: Term) -> list[Term]:
    """Return the terms of the SELECT in which a term stands, those in parentheses not counted."""
    terms, start, end = statement.terms, term.number, term.number
    while start > 0 and terms[start - 1].depth >= term.depth:
        start -= 1
        if terms[start].depth == term.depth and terms[start].word in _QUERY:
            break
    while end < len(terms) and terms[end].depth >= term.depth and terms[end].text != ";":
        end += 1
    return [t for t in terms[start:end] if t.depth == term.depth]


def _is_ordered(statement: Statement, term: Term) -> bool:
    """Whether an ORDER BY stands before it in the same query."""
    for other in reversed(statement.terms[: term.number]):
        if other.depth < term.depth:
            return False
        if other.depth == term.depth and other.word == "ORDER":
            return True
        if other.depth == term.depth and other.word in _QUERY:
            return False
    return False


def _is_existence(statement: Statement, term: Term) -> bool:
    """Whether its query is that of an EXISTS: within IN it decides which rows are meant."""
    opening = next((t for t in reversed(statement.terms[: term.number]) if t.depth < term.depth), None)
    return opening is not None and opening.number > 0 and statement.terms[opening.number - 1].word == "EXISTS"


def _is_one_row(statement: Statement, term: Term) -> bool:
    """Whether its query gives one row at most: sums and counts of all rows."""
    own = _query_of(statement, term)
    if term.word == "DISTINCT" or not own or any(t.word in ("GROUP", "OVER", *_TOGETHER) for t in own):
        return False
    return any(t.word in AGGREGATES and statement.terms[t.number + 1].text == "(" for t in own[:-1])


RULES = (
    Rule("union-in-copy", "Write UNION ALL, and leave out by a condition what is to be left out.", _union),
    Rule(
        "limit-without-order",
        "Add an ORDER BY that ends in a key, so that it is the same rows everywhere.",
        _limit,
        kinds=("migration", "rollback", "verify"),
    ),
)
