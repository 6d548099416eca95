"""Where a step of several commits stands, as its ledger row keeps it between them.

Knows how that is written as JSON, so that every value is read back as it was; knows nothing of files and databases.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from sessmig.fitting import a, read_as
from sessmig.model import Answer, Cell
from sessmig.results import Account, CheckResult, Measurement, StatementResult
from sessmig.rows import Case, Effect, Fault

_SIMPLE = ("statements", "done", "hashes", "begun", "begun_hash", "undoing", "error", "spent_ms")
"""What of a `Progress` JSON reads back as it was."""

Key = str
"""A value of the column that batches are cut by, as text; how it is written, the database knows."""


@dataclass(slots=True)
class BatchProgress:
    """How far one `batch` statement is. The rows up to the cursor are done; what is above `upper` came in later."""

    by: str = ""
    """The table and column that the bounds are of."""
    hash: str = ""
    """SHA-256 of the statement's text, with which the batches until now were done."""
    upper: Key | None = None
    """The highest value when the statement was begun; None if there was no row."""
    first: Key | None = None
    """The lowest bound of the batch that was done last."""
    cursor: Key | None = None
    """The highest value that is done; None before the first batch."""
    size: int = 0
    """How many rows the next batch is to have; 0 as long as nobody has said."""
    rows: int = 0
    """How many rows of the batched table were taken until now."""
    batches: int = 0
    """How many batches were committed."""
    total: int | None = None
    """How many rows there are to take, as far as somebody has counted or estimated them."""


@dataclass(slots=True)
class Progress:
    """Where a staged step stands: what is done and committed, and what was asked before it.

    Read anew from the ledger row as each transaction of the step begins: another process may have gone on.
    """

    statements: int = 0
    """How many statements the file has."""
    done: int = 0
    """How many of them are done, from the first on."""
    hashes: list[str] = field(default_factory=list)
    """SHA-256 of the text of each that is done."""
    begun: int | None = None
    """A statement outside transactions that was begun, and of which nobody knows whether it was done."""
    begun_hash: str = ""
    """SHA-256 of its text."""
    undoing: bool = False
    """It is the rollback file that is half done."""
    former: tuple[str, str | None] | None = None
    """Status and metadata of the row before its rollback was begun: it stands again, if nothing of that was done."""
    batches: dict[int, BatchProgress] = field(default_factory=dict)
    """The `batch` statements that were begun, by their number from 0; those that are done are kept for the catch-up."""
    measures: list[Measurement] = field(default_factory=list)
    """What was measured before the step."""
    same: dict[str, Answer] = field(default_factory=dict)
    """What the `same` checks answered before the step, by their names."""
    checks: list[CheckResult] = field(default_factory=list)
    """What was required before the step."""
    faults: list[Fault] = field(default_factory=list)
    """What the free checks found before the step."""
    accounts: list[Account] = field(default_factory=list)
    """The row account of each merge, summed over the ranges until now."""
    effects: list[Effect] = field(default_factory=list)
    """What was done to each table, summed over the transactions until now."""
    results: list[StatementResult] = field(default_factory=list)
    """What each statement did; a batch statement in one line."""
    spent_ms: int = 0
    """How long it was worked on until now."""
    error: str = ""
    """What stopped it last, in one line."""

    def as_json(self) -> str:
        """Write it as the ledger row's metadata."""
        return json.dumps({"progress": _plain(asdict(self))}, ensure_ascii=False)


def read_progress(metadata: str | None) -> Progress:
    """Read a half-done row's metadata; what it does not say is as at the beginning.

    Another hand may have written it otherwise, which is one of `fitting.FOREIGN`; whoever reads the row looks.
    """
    kept = json.loads(metadata or "{}").get("progress") or {}
    read = read_as(Progress, {name: kept[name] for name in _SIMPLE if name in kept})
    if not 0 <= read.done <= len(read.hashes) or read.statements < 0 or (read.begun or 0) < 0:
        raise ValueError("more is done than there is a hash of")
    if kept.get("former"):
        status, former = kept["former"]
        read.former = a(str, status), former if former is None else a(str, former)
    read.batches = {int(number): read_as(BatchProgress, batch) for number, batch in kept.get("batches", {}).items()}
    read.measures = [read_as(Measurement, _cells(one, "value")) for one in kept.get("measures", ())]
    read.same = {place: _answer(answer) for place, answer in kept.get("same", {}).items()}
    read.checks = [read_as(CheckResult, _examples(one)) for one in kept.get("checks", ())]
    read.faults = [_fault(one) for one in kept.get("faults", ())]
    read.accounts = [read_as(Account, _examples(one)) for one in kept.get("accounts", ())]
    read.effects = [read_as(Effect, one) for one in kept.get("effects", ())]
    read.results = [read_as(StatementResult, one) for one in kept.get("results", ())]
    return read


def _plain(value: Any) -> Any:
    """Write what JSON does not know, or not every database keeps, so that `_cell` reads it back."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | frozenset):
        return [_plain(one) for one in (sorted(value) if isinstance(value, frozenset) else value)]
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, float):
        return {"float": repr(value)}
    return value


def _cell(value: Any) -> Cell:
    if not isinstance(value, dict):
        return value  # type: ignore[no-any-return]
    ((kind, text),) = value.items()
    return bytes.fromhex(text) if kind == "bytes" else Decimal(text) if kind == "decimal" else float(text)


def _row(row: list[Any]) -> tuple[Cell, ...]:
    return tuple(map(_cell, row))


def _cells(kept: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: _cell(value) if name in names else value for name, value in kept.items()}


def _answer(kept: dict[str, Any]) -> Answer:
    return Answer(tuple(kept["columns"]), tuple(map(_row, kept["rows"])))


def _examples(kept: dict[str, Any]) -> dict[str, Any]:
    return {**kept, "columns": tuple(kept["columns"]), "examples": tuple(map(_row, kept["examples"]))}


def _fault(kept: dict[str, Any]) -> Fault:
    cases = tuple(Case(_row(one["values"]), one["rows"], _row(one["example"])) for one in kept["cases"])
    places = tuple(frozenset(place) for place in kept["places"])
    return Fault(**{**kept, "places": places, "cases": cases, "columns": tuple(kept["columns"])})
