"""Reads what the log keeps of an attempt as the report that it was written from.

Knows how reports stand in JSON; trusts nothing of it, as whoever may write to the database may write to the log.
"""

from __future__ import annotations

import types
from collections.abc import Hashable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from sessmig.log import LogEntry
from sessmig.results import Account, Backup, CheckResult, Measurement, StatementResult, StepOutcome, StepReport
from sessmig.rows import Effect, Loss

_Noun = TypeVar("_Noun")
_LISTS = {
    "statements": StatementResult,
    "checks": CheckResult,
    "merges": Account,
    "effects": Effect,
    "losses": Loss,
    "allowed": Loss,
}
_FOREIGN = (TypeError, ValueError, AttributeError)


def as_step(entry: LogEntry) -> StepReport | None:
    """Read an attempt's details as a report; None where another version, or another hand, wrote them otherwise."""
    detail = entry.detail
    outcome: StepOutcome = "undone" if entry.action == "rollback" else "applied"
    try:
        lists: dict[str, Any] = {
            name: tuple(_read(noun, one) for one in _a(list, detail.get(name, []))) for name, noun in _LISTS.items()
        }
        return StepReport(
            entry.version,
            str(entry.version),
            entry.name,
            entry.name.replace("_", " "),
            "",
            outcome if entry.outcome == "success" else "failed",
            entry.started_at,
            entry.duration_ms,
            measurements=tuple(_measurements(detail)),
            notices=tuple(str(notice) for notice in _a(list, detail.get("notices", []))),
            error=str(detail.get("error", "")),
            is_half_done=detail.get("half_done") is True,
            **lists,
        )
    except _FOREIGN:
        return None


def _measurements(detail: dict[str, Any]) -> Iterator[Measurement]:
    """Read the measures; when each was asked, and after which other, older versions did not say."""
    measures = _a(dict, detail.get("measures", {}))
    order = {name: when == "before" for name, when in _a(list, detail.get("measured", [])) if name in measures}
    for name in (*order, *(name for name in measures if name not in order)):
        yield _read(Measurement, {"name": name, "value": measures[name], "before": order.get(name, False)})


def as_backup(entry: LogEntry) -> Backup | None:
    """Read what the log tells of a backup; None if it is not told, or otherwise."""
    detail = entry.detail
    told = {name: detail.get(name) for name in ("path", "size", "sha256")} | {"wal": detail.get("wal", "")}
    try:
        return _read(Backup, {**told, "started_at": entry.started_at, "duration_ms": entry.duration_ms})
    except _FOREIGN:
        return None


def queries(entry: LogEntry) -> dict[tuple[str, str], str]:
    """Return what each block asked, by verb and name; nothing where the log does not tell, as older ones do not."""
    found = {}
    told = entry.detail.get("queries")
    for one in told if isinstance(told, list) else ():
        if isinstance(one, dict) and all(isinstance(one.get(name), str) for name in ("verb", "name", "query")):
            found[one["verb"], one["name"]] = one["query"]
    return found


def _a(kind: type[_Noun], value: Any) -> _Noun:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _read(noun: type[_Noun], told: dict[str, Any]) -> _Noun:
    """Make a noun of JSON; a field that it does not know, or a value of another kind, is an error."""
    hints = _hints(cast(Hashable, noun))
    if unknown := _a(dict, told).keys() - hints.keys():
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
    elif kind is tuple and isinstance(value, list):
        if inner[-1] is Ellipsis:
            return tuple(_fitting(one, inner[0]) for one in value)
        return tuple(_fitting(one, wanted) for one, wanted in zip(value, inner, strict=True))
    elif isinstance(hint, type) and kind is None and isinstance(value, hint):
        if isinstance(value, bool) <= (hint is bool):
            return value
    elif hint is float and isinstance(value, int | Decimal):
        return value
    raise TypeError(f"{value!r} is no {hint}")
