"""Stops a run whose plan would read otherwise now than the one that was signed: all of it is made anew and compared.

Knows what a plan's file says; what a signature stands for in particular, `signature` knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sessmig.escapes import one_line
from sessmig.job import Job
from sessmig.preview import preview
from sessmig.signature import differs
from sessmig.signed import Signed
from sessmig.signing import signed_json
from sessmig.words import short

_FREE = ("made_at", "made_by", "database: label")
"""Who made it and when, and how the database was addressed, is not compared."""
_LONGEST = 80


def demand_whole(job: Job, signed: Signed) -> None:
    """Refuse a plan of which anything that a person reads in it would be otherwise, if it were made now.

    Raises:
        PlanError: says exactly what differs.
        SessmigError: as `migrate`, before it would touch anything.
    """
    if found := list(_unlike(signed.told, signed_json(job, preview(job)), "")):
        raise differs(signed, found, "Nothing was touched.")


def _unlike(then: Any, now: Any, place: str) -> Iterator[str]:
    if place in _FREE:
        return
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys((*then, *now)):
            where = f"{place}: {name}" if place else str(name)
            if name not in then or name not in now:
                yield f"{where}: {_told(then, name)} then, {_told(now, name)} now"
            else:
                yield from _unlike(then[name], now[name], where)
    elif isinstance(then, list) and isinstance(now, list) and _names(then) == _names(now):
        for name, one, other in zip(_names(now), then, now, strict=True):
            yield from _unlike(one, other, f"{place}: {name}")
    elif then != now or type(then) is not type(now):
        yield f"{place}: {_shown(then)} then, {_shown(now)} now"


def _names(values: list[Any]) -> list[str]:
    """Return by what the entries of a list are known: which, and in which order, is compared first."""
    return [str(one.get("title", n)) if isinstance(one, Mapping) else str(n) for n, one in enumerate(values, 1)]


def _told(values: Mapping[str, Any], name: str) -> str:
    return _shown(values[name]) if name in values else "nothing"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_names(value)) or "none"
    text = "none" if value is None else str(value)
    return short(one_line(text), _LONGEST)
