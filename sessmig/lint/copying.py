"""Rules on how rows are copied: what leaves some out, or puts them where nobody meant, without a word.

Knows INSERT … SELECT and its like; docs/lint/ says why each is a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sessmig.lint.change import Change
from sessmig.lint.columns import parted, read_columns
from sessmig.lint.finding import Found, Rule
from sessmig.lint.sheet import Sheet
from sessmig.lint.statement import Statement, Term

_TAILS = ("FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "UNION", "EXCEPT", "INTERSECT", "ORDER", "LIMIT")
_ASKING = ("EXISTS", "IN", "ANY", "SOME", "ALL")


def _ignoring(sheet: Sheet) -> Iterator[Found]:
    for change in sheet.changes:
        if change.conflict == "IGNORE":
            yield Found(change.line, f"{change.verb} OR IGNORE drops rows that break NOT NULL, CHECK or any UNIQUE")


def _replacing(sheet: Sheet) -> Iterator[Found]:
    for change in sheet.changes:
        if change.conflict != "REPLACE":
            continue
        what = f"{change.verb} OR REPLACE" if change.verb != "REPLACE" else "REPLACE"
        if dependents := sheet.tables.dependents(change.target):
            told = f"{what} deletes rows of {change.target}, to which {', '.join(dependents)} refers"
            yield Found(change.line, told)
        elif change.target not in sheet.tables:
            told = f"{what} deletes rows of {change.target}, and these files do not tell what refers to it"
            yield Found(change.line, told)


def _conflict(sheet: Sheet) -> Iterator[Found]:
    for change in sheet.changes:
        for term, behind in zip(change.own, change.own[1:], strict=False):
            if (term.word, behind.word) == ("ON", "CONFLICT"):
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
    if not query:
        return
    depth = query[0].depth
    for term in query:
        if term.word == "SELECT" and term.depth == depth:
            rest = change.statement.terms[term.number + 1 :]
            end = next((t.number for t in rest if t.depth < depth or (t.depth == depth and _ends(t))), None)
            listed = list(parted(_without_distinct(change.statement.terms[term.number + 1 : end])))
            if listed:
                yield listed


def _ends(term: Term) -> bool:
    return term.word in _TAILS or term.text == ";"


def _without_distinct(terms: Sequence[Term]) -> Sequence[Term]:
    return terms[1:] if terms and terms[0].word in ("DISTINCT", "ALL") else terms


def _union(sheet: Sheet) -> Iterator[Found]:
    for change in sheet.changes:
        if not change.query or any(term.word == "RECURSIVE" for term in change.scope):
            continue
        terms = change.statement.terms
        for term in change.scope:
            if term.word == "UNION" and terms[term.number + 1].word != "ALL" and not is_asked(terms, term):
                told = f"UNION leaves out rows for {change.target} that are alike in these columns"
                yield Found(change.statement.line_of(term), told)


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
        for term in statement.terms:
            if _is_limit(statement, term) and not is_asked(statement.terms, term) and not _is_ordered(statement, term):
                yield Found(statement.line_of(term), f"{term.word} without ORDER BY takes any rows")


def _is_limit(statement: Statement, term: Term) -> bool:
    behind = statement.terms[term.number + 1] if term.number + 1 < len(statement.terms) else None
    if behind is None or (statement.head[:1] == ("CREATE",) and "TABLE" not in statement.head[:4]):
        return False
    if term.word == "LIMIT":
        return behind.text != "0" and behind.word != "ALL" and behind.text not in (",", ")", "=")
    return bool(term.number) and term.word == "FETCH" and behind.word in ("FIRST", "NEXT")


def _is_ordered(statement: Statement, term: Term) -> bool:
    """Whether an ORDER BY stands before it in the same query."""
    for other in reversed(statement.terms[: term.number]):
        if other.depth < term.depth:
            return False
        if other.depth == term.depth and other.word == "ORDER":
            return True
        if other.depth == term.depth and other.word in ("SELECT", "UPDATE", "DELETE"):
            return False
    return False


def _not_in(sheet: Sheet) -> Iterator[Found]:
    for statement in sheet.statements:
        terms = statement.terms
        for term in terms[:-3]:
            if (term.word, terms[term.number + 1].word, terms[term.number + 2].text) != ("NOT", "IN", "("):
                continue
            inner = statement.inner(term.number + 2)
            if inner and inner[0].word in ("SELECT", "WITH") and _may_be_null(sheet, statement, inner):
                yield Found(
                    statement.line_of(term), "NOT IN (SELECT …) holds for no row at all once a NULL is among them"
                )


def _may_be_null(sheet: Sheet, statement: Statement, inner: Sequence[Term]) -> bool:
    """Whether these files do not tell that what is selected is never NULL."""
    words = [t.word for t in inner]
    if any(words[n : n + 3] == ["IS", "NOT", "NULL"] for n in range(len(words))):
        return False
    columns = read_columns(statement, inner, sheet.tables.columns)
    return not columns or not all(is_filled for _, is_filled in columns)


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
    Rule("union-in-copy", "Write UNION ALL, and leave out by a condition what is to be left out.", _union),
    Rule(
        "limit-without-order",
        "Add an ORDER BY that ends in a key, so that it is the same rows everywhere.",
        _limit,
        kinds=("migration", "rollback", "verify"),
    ),
    Rule(
        "not-in-nullable",
        "Write NOT EXISTS (SELECT 1 … WHERE …), or leave NULL out: WHERE COLUMN IS NOT NULL.",
        _not_in,
        kinds=("migration", "rollback", "verify"),
    ),
)
