"""Puts into words what a step did to rows: its effects, the sides of its merges, and what was lost.

Knows the nouns of rows; asks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sessmig.model import Cell
from sessmig.quoting import quoted
from sessmig.results import Account
from sessmig.rows import Effect, Loss
from sessmig.words import count, cut, table

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
_LONG = 100
"""The name of a merge of two queries may have thousands of characters."""
_HEADS = ("table", "before", "after", "inserted", "updated", "deleted", "by")


def effect_lines(effects: Sequence[Effect]) -> list[str]:
    """Lay effects out as a small table."""
    rows = [
        (e.table, *map(_number, (e.before, e.after, e.inserted, e.updated, e.deleted)), ", ".join(e.by))
        for e in effects
    ]
    return table(_HEADS, rows, numbers=range(1, 6))


def _number(number: int | None) -> Cell:
    return "" if number is None else f"{number:,}"


def loss_text(loss: Loss) -> str:
    """Say what was lost, in a sentence."""
    by = f" ({', '.join(loss.by)})" if loss.by else ""
    if loss.kind == "rows deleted":
        return f"{_rows(loss.rows)} of {loss.table} {'was' if loss.rows == 1 else 'were'} deleted{by}"
    if loss.kind == "values lost":
        return f"{count(loss.rows or 0, 'value')} of {loss.table}.{loss.column} did not come along{by}"
    if loss.kind == "values unset":
        were = "was" if loss.rows == 1 else "were"
        return f"{count(loss.rows or 0, 'value')} of {loss.table}.{loss.column} {were} unset{by}"
    if loss.kind == "column dropped":
        values = "an unknown number of values" if loss.rows is None else count(loss.rows, "value")
        return f"the column {loss.table}.{loss.column} was dropped, with {values}{by}"
    return f"the {loss.kind.replace(' ', f' {loss.table} was ', 1)}, with {_rows(loss.rows)}{by}"


def told(value: Cell) -> Cell:
    """Return a value so that a text that looks like another value, or like nothing, is told from it: in quotes."""
    if isinstance(value, str) and (value != value.strip() or value in ("", "NULL")):
        return f"'{value}'"
    return value


def _rows(number: int | None) -> str:
    return "an unknown number of rows" if number is None else count(number, "row")


def loss_lines(loss: Loss, path: str) -> list[str]:
    """Put a loss into words, with the keys that are known."""
    where = f"{path}:{loss.line}" if loss.line else path
    return [f"{where}: loss guard: {loss_text(loss)}, and no may-lose names it", *key_lines(loss)]


def key_lines(loss: Loss) -> list[str]:
    """Lay the keys of lost rows out as a small table."""
    if not loss.keys:
        return []
    lines = [
        f"    {line}" for line in table(loss.columns, [tuple(told(cut(value)) for value in key) for key in loss.keys])
    ]
    more = (loss.rows or 0) - len(loss.keys)
    return [*lines, f"    ... and {more:,} more"] if more > 0 else lines


def remedy(losses: Sequence[Loss]) -> str:
    """Say how a file declares what it takes away."""
    whole = {loss.table for loss in losses if not loss.column}  # a table's name covers its columns
    names = dict.fromkeys(
        _written(loss.table) + ("" if loss.table in whole or not loss.column else f".{_quoted(loss.column)}")
        for loss in losses
    )
    keep = "; to make a table anew that others refer to, write -- sessmig: foreign-keys-off"
    is_unset = any(loss.kind == "values unset" for loss in losses)
    return f"If that is meant, write -- sessmig: may-lose {', '.join(names)} at the file's top{keep * is_unset}"


def _written(name: str) -> str:
    return ".".join(map(_quoted, name.split(".")))


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else quoted(name)


def sides(account: Account) -> str:
    """Name source and target of a merge; of long queries only that they are some, and the line where they stand."""
    if len(account.name) <= _LONG:
        return account.name
    kept, depth, is_literal = "", 0, False
    for sign in account.name:
        is_literal ^= sign == "'"
        depth -= sign == ")" and not is_literal
        kept += sign if depth == 0 else ""
        kept += "SELECT ..." if depth == 0 and sign == "(" and not is_literal else ""
        depth += sign == "(" and not is_literal
    return f"{kept} (line {account.where.rpartition(':')[2]})" if kept != account.name else kept
