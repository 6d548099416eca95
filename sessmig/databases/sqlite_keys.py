"""Switches foreign keys off for a transaction of SQLite's, and on again.

Knows that inside a transaction the switch does nothing, and says nothing: so it is thrown outside, and read back.
See https://sqlite.org/foreignkeys.html#fk_enable
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sessmig.errors import DatabaseError
from sessmig.model import Answer

_Query = Callable[[str], Answer]


@contextmanager
def enforced(query: _Query, *, foreign_keys: bool) -> Iterator[None]:
    """Have no foreign keys enforced, unless they are to be; as before, at the end.

    Raises:
        DatabaseError: they cannot be switched.
    """
    if foreign_keys:
        yield
        return
    before = _state(query)
    _switch(query, 0)
    try:
        yield
    finally:
        _switch(query, before)


def _switch(query: _Query, state: int) -> None:
    query(f"PRAGMA foreign_keys = {state}")
    if _state(query) != state:
        raise DatabaseError(f"foreign keys could not be switched {'on' if state else 'off'}")


def _state(query: _Query) -> int:
    return int(str(query("PRAGMA foreign_keys").rows[0][0]))
