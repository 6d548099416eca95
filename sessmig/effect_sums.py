"""Adds what several commits did up to what a step did: the effects on tables, the rows of statements.

Knows reports; asks no database.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sessmig import script
from sessmig.model import Dialect, Piece
from sessmig.results import StatementResult
from sessmig.rows import Effect

_MIXED = re.compile(r"\b(?:CONFLICT|REPLACE)\b", re.IGNORECASE)
"""What may change rows in another way than its verb says."""


def added(sums: Sequence[Effect], more: Sequence[Effect]) -> list[Effect]:
    """Return the effects with those of another commit added, table by table."""
    found = {effect.table: effect for effect in sums}
    for effect in more:
        before = found.get(effect.table)
        found[effect.table] = effect if before is None else _sum(before, effect)
    return [found[table] for table in sorted(found)]


def _sum(one: Effect, other: Effect) -> Effect:
    return replace(
        one,
        after=other.after,
        inserted=_both(one.inserted, other.inserted),
        updated=_both(one.updated, other.updated),
        deleted=one.deleted + other.deleted,
        by=tuple(dict.fromkeys((*one.by, *other.by))),
    )


def _both(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def told(effects: Sequence[Effect], pieces: Sequence[Piece], rows: int, dialect: Dialect) -> tuple[Effect, ...]:
    """Fill in what nobody counted by what the one statement says of itself: so many rows of its own table."""
    if len(pieces) != 1:
        return tuple(effects)
    text = pieces[0].statement
    outline = script.outline(text, dialect)
    if outline.verb not in ("INSERT", "UPDATE", "DELETE") or _MIXED.search(text):
        return tuple(effects)
    name = script.parts(outline.target, dialect)[-1:]
    return tuple(
        _filled(effect, outline.verb, rows) if script.parts(effect.table, dialect)[-1:] == name else effect
        for effect in effects
    )


def _filled(effect: Effect, verb: str, rows: int) -> Effect:
    inserted, updated = effect.inserted, effect.updated
    return replace(
        effect,
        inserted=(rows if verb == "INSERT" else 0) if inserted is None else inserted,
        updated=(rows if verb == "UPDATE" else 0) if updated is None else updated,
    )


def add_range(results: list[StatementResult], result: StatementResult) -> None:
    """Add what a range did to what the ranges of the same statement did before."""
    place = (result.line, result.verb, result.target)
    for number, known in enumerate(results):
        if (known.line, known.verb, known.target) == place and not known.text:
            rows = None if known.rows is None and result.rows is None else (known.rows or 0) + (result.rows or 0)
            results[number] = replace(known, rows=rows, batches=known.batches + result.batches)
            return
    results.append(result)
