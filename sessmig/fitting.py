"""Reads JSON as a noun, and trusts nothing of it: whoever may write to the database may write to ledger and log.

Knows how the fields of a dataclass are declared; knows no noun.
"""

from __future__ import annotations

import types
from collections.abc import Hashable
from decimal import Decimal
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

FOREIGN = (TypeError, ValueError, AttributeError, KeyError)
"""What reading raises where another version, or another hand, wrote it otherwise."""
_Noun = TypeVar("_Noun")


def a(kind: type[_Noun], value: Any) -> _Noun:
    """Return a value that is of a kind; raises TypeError if it is not."""
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def read_as(noun: type[_Noun], told: dict[str, Any]) -> _Noun:
    """Make a noun of JSON; a field that it does not know, or a value of another kind, is a TypeError."""
    hints = _hints(cast(Hashable, noun))
    if unknown := a(dict, told).keys() - hints.keys():
        raise TypeError(f"{noun.__name__} has no {', '.join(unknown)}")
    return noun(**{name: _fitting(value, hints[name]) for name, value in told.items()})


@cache
def _hints(noun: Any) -> dict[str, Any]:
    """Return the kinds of a noun's fields; they are found out once, as a log may have a hundred thousand of them."""
    return get_type_hints(noun)


def _fitting(value: Any, hint: Any) -> Any:
    """Return a value as its hint wants it: lists as tuples."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is Literal and value in inner:
        return value
    if kind in (Union, types.UnionType):
        for one in inner:
            if isinstance(value, one) and isinstance(value, bool) <= (one is bool):
                return value
    elif kind is tuple and isinstance(value, list | tuple):
        if inner[-1] is Ellipsis:
            return tuple(_fitting(one, inner[0]) for one in value)
        return tuple(_fitting(one, wanted) for one, wanted in zip(value, inner, strict=True))
    elif kind is list and isinstance(value, list):
        return [_fitting(one, inner[0]) for one in value]
    elif isinstance(hint, type) and kind is None and isinstance(value, hint):
        if isinstance(value, bool) <= (hint is bool):
            return value
    elif hint is float and isinstance(value, int | Decimal):
        return value
    raise TypeError(f"{value!r} is no {hint}")
