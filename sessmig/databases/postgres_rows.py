"""Reads a PostgreSQL server's results as it wrote them: psycopg's types cannot hold every date and number.

Knows the protocol's words for a result; knows nothing of connections.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from psycopg import pq

from sessmig.databases.values import Real, decoded
from sessmig.model import Answer, Cell

_CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "SELECT")
_INTEGERS = (20, 21, 23, 26)
_REAL, _DOUBLE = 700, 701
_LONG = 4000
"""A number of more digits Python does not make an int of."""
_BOOLEAN, _NUMERIC, _BYTEA = 16, 1700, 17


def is_whole(result: pq.abc.PGresult) -> bool:
    """Tell the result that ends a statement from the rows that a rule on its table gave beside it."""
    return bool(result.command_status)


def rows(result: pq.abc.PGresult) -> int | None:
    """Return how many rows a statement changed or gave; None where it is no such statement."""
    return changed(result.command_status or b"")


@lru_cache(maxsize=1000)
def changed(status: bytes) -> int | None:
    """Return how many rows the server's last word on a statement tells of."""
    verb, *numbers = status.decode().split()
    return int(numbers[-1]) if verb in _CHANGING and numbers else None


def answer(result: pq.abc.PGresult, limit: int | None) -> Answer:
    """Read a result's rows, the first `limit` of them."""
    width = range(result.nfields)
    types = [result.ftype(column) for column in width]
    count = result.ntuples if limit is None else min(limit, result.ntuples)
    rows = tuple(tuple(_cell(result.get_value(row, column), types[column]) for column in width) for row in range(count))
    return Answer(tuple((result.fname(column) or b"").decode() for column in width), rows)


def _cell(value: bytes | None, oid: int) -> Cell:
    if value is None:
        return None
    text = decoded(value)
    if oid in _INTEGERS or (oid == _NUMERIC and len(text) < _LONG and text.lstrip("-").isdigit()):
        return int(text)
    if oid == _NUMERIC and text[-1].isdigit():
        return Decimal(text)
    if oid in (_REAL, _DOUBLE):
        return Real(text) if oid == _REAL else float(text)
    if oid == _BOOLEAN:
        return text == "t"
    return bytes.fromhex(text[2:]) if oid == _BYTEA and text.startswith("\\x") else text
