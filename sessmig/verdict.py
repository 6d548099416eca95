"""Judges answers: whether what a query gave is what its block expects.

Knows nothing of databases and files: blocks, answers and measures come in, verdicts go out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from sessmig.model import Answer, Block, Cell, Query
from sessmig.results import CheckResult, Outcome
from sessmig.words import count, cut, shown

EXAMPLES = 5
"""How many counter-examples a failure shows."""


def fill(query: Query, measures: Mapping[str, Cell], literal: Callable[[Cell], str]) -> str:
    """Return the query's text with each `:name` written out as the measure's value, as the database writes it."""
    parts: list[str] = []
    at = 0
    for offset, name in query.names:
        parts += [query.text[at:offset], literal(measures[name])]
        at = offset + 1 + len(name)
    return "".join([*parts, query.text[at:]])


def equal(found: Cell, expected: Cell) -> bool:
    """Compare two values as SQL does: numbers as numbers, everything else as text; NULL equals nothing."""
    if found is None or expected is None:
        return False
    left, right = _number(found), _number(expected)
    if left is not None and right is not None:
        return left == right
    if isinstance(found, str) and isinstance(expected, str):
        return found == expected
    return shown(found) == shown(expected)


def _number(value: Cell) -> Decimal | None:
    """Return the number that a value is; text is none, whatever its digits: '007' is not '7'."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None


def is_literal(found: Cell, expected: str | Decimal | bool) -> bool:
    """Tell whether a value is the literal that a block expects: a number, a 'text', true or false."""
    if found is None:
        return False
    if isinstance(expected, bool):
        # SQLite has no boolean: there, true is 1.
        return found is expected or (not isinstance(found, str) and equal(found, int(expected)))
    if isinstance(expected, str):
        return shown(found) == expected
    return _number(_read(found) if isinstance(found, str) else found) == expected


def _read(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def judge(block: Block, answer: Answer, total: int, measures: Mapping[str, Cell]) -> CheckResult:
    """Judge a require, check or warn block by its answer.

    Args:
        block: what was asked; its expectation is not `same`.
        answer: the first rows that came.
        total: how many rows there are in all.
        measures: the values of the measures known by now.
    """
    found = ""
    if block.expects == "none":
        if total:
            found = count(total, "row")
    elif block.expects == "some":
        if not total:
            found = "no row"
    else:
        found = _unlike(block, answer, total, measures)
        if block.expects == "measure":
            expected = _short(measures[block.measure])
            block = replace(block, expected_text=f"{block.expected_text} ({expected})")
        if total == 1:
            return _result(block, found, (), (), 0)
    return _result(block, found, answer.columns, answer.rows[:EXAMPLES], total)


def judge_same(block: Block, before: Answer, after: Answer) -> CheckResult:
    """Judge a block that expects `same`: the answers before and after the step, in whatever order."""
    old, new = Counter(map(_key, before.rows)), Counter(map(_key, after.rows))
    gone, come = old - new, new - old
    if before.columns != after.columns and not (gone or come):
        return _result(block, f"other columns: {', '.join(after.columns)}", before.columns, (), 0)
    if not (gone or come):
        return _result(block, "", after.columns, (), 0)
    rows = [("only before", *row) for row in _rows(gone, before)] + [("only after", *row) for row in _rows(come, after)]
    found = f"{gone.total():,} only before, {come.total():,} only after"
    return _result(block, found, ("when", *after.columns), tuple(_alternate(rows)), len(rows))


def _key(row: tuple[Cell, ...]) -> tuple[Cell | tuple[str, Cell], ...]:
    """Return what a row is compared by: to Python true is 1, and NaN is not itself."""
    return tuple(
        ("boolean", cell) if isinstance(cell, bool) else ("float", "NaN") if cell != cell else cell for cell in row
    )


def _rows(keys: Counter[tuple[Cell | tuple[str, Cell], ...]], answer: Answer) -> list[tuple[Cell, ...]]:
    found = {key: row for row in answer.rows if (key := _key(row)) in keys}
    return [found[key] for key in keys.elements()]


def _alternate(rows: Sequence[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    """Choose examples from both ends, so that rows gone and rows come are both seen."""
    if len(rows) <= EXAMPLES:
        return list(rows)
    return [*rows[: EXAMPLES - EXAMPLES // 2], *rows[-(EXAMPLES // 2) :]]


def not_rerunnable(block: Block, why: str = "") -> CheckResult:
    """Say that a block needs the picture from before the step, which is gone; or something else that is."""
    return CheckResult(
        block.verb,
        block.name,
        block.where,
        "not re-runnable",
        block.expected_text,
        why or "needs the picture before the step",
    )


def _unlike(block: Block, answer: Answer, total: int, measures: Mapping[str, Cell]) -> str:
    if total != 1 or len(answer.columns) != 1:
        return no_single_value(count(total, "row"), answer)
    value = answer.rows[0][0]
    holds = equal(value, measures[block.measure]) if block.measure else is_literal(value, block.expected)
    return "" if holds else _short(value) or "''"


def _short(value: Cell) -> str:
    return shown(cut(value))


def no_single_value(rows: str, answer: Answer) -> str:
    """Say that an answer is not the one value that was asked for."""
    return f"{rows} of {count(len(answer.columns), 'column')}, where one value is expected"


def _result(
    block: Block, found: str, columns: tuple[str, ...], rows: tuple[tuple[Cell, ...], ...], total: int
) -> CheckResult:
    outcome: Outcome = "passed" if not found else "warned" if block.verb == "warn" else "failed"
    examples = tuple(tuple(map(cut, row)) for row in rows) if found else ()
    return CheckResult(
        block.verb, block.name, block.where, outcome, block.expected_text, found, columns, examples, total
    )


def unanswered(block: Block, found: str) -> CheckResult:
    """Say that a block could not be asked; of a warn that is no more than a warning."""
    return _result(replace(block, expected_text=""), found, (), (), 0)
