"""Takes over what another tool has applied: reads its history, matches it with the files here, and records them.

Knows when that would be a lie, and refuses; never touches the other tool's table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sessmig.baseline import UNRECORDED, Claim, begun, new_ones, record, refuse_halfway, standing
from sessmig.errors import ConnectError, LedgerError, PlanError
from sessmig.history import read_history, whose
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.matching import By, Matches, match
from sessmig.model import Plan
from sessmig.recorded import BaselineReport, History
from sessmig.source import Series

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

Agree = Callable[[BaselineReport], None]
"""Asks whoever types whether to go on with what would be recorded; raises if not."""


def adopt(
    job: Job,
    *,
    history: str | None = None,
    history_in: Database | None = None,
    project: str | None = None,
    by: By = "auto",
    allow_missing: bool = False,
    ignore_checks: bool = False,
    agree: Agree | None = None,
) -> BaselineReport:
    """Record as done what another tool's history says was applied.

    Args:
        job: where; in a dry run nothing is recorded, and no lock is taken.
        history: the other tool's table, where there are several, or it has a name of its own.
        history_in: the database in which it stands, where that is another one.
        project: which of several that share the table; the one that is named as the series, if None.
        by: whether a version or a name alone says that two are the same.
        allow_missing: go on though something that was applied has no file here.
        ignore_checks: record them though checks do not hold.
        agree: asked with what would be recorded, before anything is.

    Raises:
        UsageError: there is no history, or more than one.
        LedgerError: the ledger needs another name, as the other tool's table has it.
        PlanError: the history is of a tool that would not go on itself, or does not fit the files.
        CheckError: a check of them does not hold.
    """
    place = job.database if history_in is None else history_in
    if place.is_missing:
        raise ConnectError(f"{place.label}: there is no such database", remedy="Give the one that is there.")

    def as_told(series: Series, ledger: Ledger, plan: Plan) -> tuple[list[Claim], BaselineReport]:
        told = read_history(place, table=history, project=project, series=series.name)
        _refuse_faults(job, told)
        found = match(series.migrations, told, by)
        _refuse_misfits(told, found, allow_missing=allow_missing)
        refuse_halfway(plan)
        _refuse_rolled_back(plan, found)
        claims = new_ones([Claim(one.migration, one.past, one.how) for one in found.pairs], plan)
        report = replace(begun("adopt", job, series), history=told, absent=tuple(past.id for past in found.absent))
        return claims, replace(report, standing=standing(series, plan))

    _refuse_name(job)
    if agree is not None and not job.dry_run:
        report = record(replace(job, dry_run=True), as_told, ignore_checks=ignore_checks)
        if not report.recorded:
            return replace(report, is_dry=False)
        agree(report)
        first = as_told

        def as_agreed(series: Series, ledger: Ledger, plan: Plan) -> tuple[list[Claim], BaselineReport]:
            claims, now = first(series, ledger, plan)
            if now.history != report.history:
                raise PlanError(
                    f"{report.history.table if report.history else ''}: changed since it was shown",
                    holds=UNRECORDED,
                    remedy="Let nobody migrate meanwhile, and run it again.",
                )
            return claims, now

        return record(job, as_agreed, ignore_checks=ignore_checks)
    return record(job, as_told, ignore_checks=ignore_checks)


def _refuse_name(job: Job) -> None:
    """Refuse a ledger of the name that the other tool's own table has."""
    if job.database.is_missing:
        return
    job.await_reading()
    if tool := whose(job.database, job.table):
        raise LedgerError(
            f"{job.database.label}: the table {job.table} is {tool}'s own history, so the ledger needs another name",
            holds="Nothing was touched.",
            remedy="Give it one: sessmig adopt --table sessmig_migrations\nEvery later command needs it too: write "
            'table = "sessmig_migrations" into [tool.sessmig], or set SESSMIG_TABLE; applications give table=.',
        )


def _refuse_faults(job: Job, history: History) -> None:
    if history.faults:
        faults = "\n".join(f"    {fault}" for fault in history.faults)
        raise PlanError(
            f"{history.table}: {history.tool} itself would not go on:\n{faults}",
            holds=UNRECORDED,
            remedy="What was half done is neither done nor not done: first bring it to an end there, then adopt.",
        )


def _refuse_misfits(history: History, found: Matches, *, allow_missing: bool) -> None:
    if found.faults:
        faults = "\n".join(f"    {fault}" for fault in found.faults)
        raise PlanError(
            f"{history.table}: not everything fits one file alone:\n{faults}",
            holds=UNRECORDED,
            remedy="Name the files as they are named there; or go by one of the two alone: --by version, or --by name",
        )
    if found.absent and not allow_missing:
        listed = ", ".join(past.id for past in found.absent[:5]) + (", ..." if found.absent[5:] else "")
        raise PlanError(
            f"{history.table}: applied by {history.tool}, and no file here: {listed}",
            holds=UNRECORDED,
            remedy="A file under another name or number would be run again: give it the one that it has there. "
            "If there is none any more: --allow-missing",
        )


def _refuse_rolled_back(plan: Plan, found: Matches) -> None:
    for one in found.pairs:
        if one.migration.version in plan.rolled_back:
            raise PlanError(
                f"{one.migration.title}: applied by the other tool, and rolled back here since",
                holds=UNRECORDED,
                remedy=f"If it stands after all: sessmig baseline {one.migration.version}",
            )
