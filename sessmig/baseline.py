"""Records migrations as done that sessmig never ran: what a database that is already there holds.

Knows how it is asked whether they can have been done, and how it is recorded; runs nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from sessmig import proof
from sessmig.accounts import ask_again
from sessmig.attempt import kept_text
from sessmig.errors import CheckError, ConnectError, FileError, PlanError, UsageError
from sessmig.files import read_text
from sessmig.gone import Gone
from sessmig.head import head_description
from sessmig.history import is_same_text
from sessmig.job import Job, find, planned
from sessmig.ledger import Ledger
from sessmig.ledger_start import make_ledger
from sessmig.model import ADOPTED, Entry, Migration, Plan
from sessmig.problems import refuse
from sessmig.reading import read_blocks
from sessmig.recorded import BaselineReport, Past, Recorded
from sessmig.report import account_lines, check_lines
from sessmig.results import Account, CheckResult
from sessmig.source import Series
from sessmig.words import count, utc_now

UNRECORDED = "Nothing was recorded, and nothing was run."


@dataclass(frozen=True, slots=True)
class Claim:
    """A migration that is said to have been done, and who says so."""

    migration: Migration
    past: Past | None = None
    """The other tool's own record of it; None where the user says so."""
    how: str = ""
    """By what the two were matched."""


Choose = Callable[[Series, Ledger, Plan], tuple[list[Claim], BaselineReport]]
"""Says what is to be recorded, by the files and the ledger, or refuses; with what else there is to report."""


def baseline(job: Job, version: int, *, ignore_checks: bool = False) -> BaselineReport:
    """Record every migration up to a version as done, under the lock; none of them is run.

    Args:
        job: where; in a dry run nothing is recorded, and no lock is taken.
        version: the newest one that the database holds already.
        ignore_checks: record them though checks do not hold.

    Raises:
        UsageError: there is no file of this version.
        PlanError: something above it is applied, or half done; a problem of the plan.
        CheckError: a check of them does not hold, so they can hardly have been done.
    """

    def up_to(series: Series, ledger: Ledger, plan: Plan) -> tuple[list[Claim], BaselineReport]:
        _refuse_beyond(series, plan, version)
        report = begun("baseline", job, series)
        claims = new_ones([Claim(m) for m in series.migrations if m.version <= version], plan)
        if claims and not ignore_checks:
            _refuse_empty(job)
        return claims, replace(report, standing=standing(series, plan, version))

    return record(job, up_to, ignore_checks=ignore_checks)


def record(job: Job, choose: Choose, *, ignore_checks: bool) -> BaselineReport:
    """Look, and refuse what can be refused; then, under the lock, look again, ask the checks and record.

    Raises:
        SessmigError: see `baseline`; then nothing was recorded.
    """
    if job.database.is_missing:
        raise ConnectError(f"{job.database.label}: there is no such database", remedy="sessmig migrate makes one.")
    job = job.forgiving()
    series, ledger, plan = find(job)
    with job.snapshot():
        refuse(plan, ledger)
        claims, report = choose(series, ledger, plan)
        if job.dry_run or not claims:
            asked = _asked(job, series, plan, claims)
            _refuse_failed(asked, ignore_checks=ignore_checks)
            return _told(job, series, ledger, claims, replace(report, recorded=asked, is_dry=job.dry_run))
    with job.transaction():
        series, ledger, plan = find(job)
        refuse(plan, ledger)
        claims, report = choose(series, ledger, plan)
        asked = _asked(job, series, plan, claims)
        _refuse_failed(asked, ignore_checks=ignore_checks)
        report = _told(job, series, ledger, claims, replace(report, recorded=asked))
        make_ledger(ledger)
        for claim, one in zip(claims, asked, strict=True):
            _write(ledger, claim, one, report)
    return report


def begun(action: str, job: Job, series: Series) -> BaselineReport:
    return BaselineReport(action, series.name, job.database.label, job.table)


def _refuse_beyond(series: Series, plan: Plan, version: int) -> None:
    versions = [migration.version for migration in series.migrations]
    if version not in versions:
        listed = ", ".join(migration.label for migration in series.migrations[-5:])
        raise UsageError(
            f"baseline {version}: there is no migration of this version", remedy=f"The last are: {listed}."
        )
    beyond = [entry for entry in plan.applied if entry.version > version]
    if beyond:
        what = ", ".join(f"{entry.version} {entry.name}" for entry in beyond[:3]) + (", ..." if beyond[3:] else "")
        raise PlanError(
            f"baseline {version}: {what} {'is' if len(beyond) == 1 else 'are'} applied already, above it",
            holds=UNRECORDED,
            remedy="A baseline is where a series begins: choose the version that the database held then, no lower than "
            f"{beyond[-1].version}; one that is missing below runs by sessmig migrate --only V",
        )
    refuse_halfway(plan)


def refuse_halfway(plan: Plan) -> None:
    """Refuse to record beside a step that is half done.

    Raises:
        PlanError: naming it.
    """
    for entry in plan.halfway:
        raise PlanError(
            f"{entry.version} {entry.name}: half done",
            holds=UNRECORDED,
            remedy=f"Bring it to its end: sessmig migrate --to {entry.version}",
        )


def _refuse_empty(job: Job) -> None:
    ours = (job.table, f"{job.table}_log")
    if all(table.name in ours for table in job.database.tables()):
        raise CheckError(
            f"{job.database.label}: holds no table, so nothing can have been applied to it",
            holds=UNRECORDED,
            remedy="Look whether this is the database that you mean. An empty one is filled by sessmig migrate\n"
            "If it is meant none the less: --ignore-checks",
        )


def new_ones(claims: Sequence[Claim], plan: Plan) -> list[Claim]:
    """Leave out what the ledger has already."""
    applied = {entry.version for entry in plan.applied}
    return [claim for claim in claims if claim.migration.version not in applied]


def standing(series: Series, plan: Plan, version: int | None = None) -> tuple[str, ...]:
    applied = {entry.version for entry in plan.applied}
    return tuple(
        m.title for m in series.migrations if m.version in applied and (version is None or m.version <= version)
    )


def _asked(job: Job, series: Series, plan: Plan, claims: Sequence[Claim]) -> tuple[Recorded, ...]:
    """Ask the checks of the migrations as `sessmig verify` does: what needs the picture before them cannot be asked."""
    database = job.database
    done = {entry.version for entry in plan.applied} | {claim.migration.version for claim in claims}
    found = []
    for migration, past, how in ((claim.migration, claim.past, claim.how) for claim in claims):
        blocks, merges = read_blocks(migration.verify, database.dialect)
        others = [m for m in series.migrations if m.version in done and m is not migration]
        gone = Gone(others, database.dialect)
        one = Recorded(
            migration.version,
            migration.label,
            migration.name,
            str(migration.path),
            tuple(proof.ask_again(database, blocks, gone.why).checks),
            tuple(ask_again(database, merges, {})),
        )
        if past is not None:
            same = is_same_text(migration.path, past.checksum)
            one = replace(one, id_there=past.id, applied_there=past.applied_at, matched_by=how, is_same_text=same)
            one = replace(one, is_utc_there=past.is_utc)
        found.append(one)
    return tuple(found)


def _refuse_failed(asked: Sequence[Recorded], *, ignore_checks: bool) -> None:
    failed = [found for one in asked for found in one.failed]
    if failed and not ignore_checks:
        lines = [line for found in failed for line in _in_words(found)]
        raise CheckError(
            "\n".join(lines),
            holds=f"{count(len(failed), 'check')} of what would be recorded {'does' if len(failed) == 1 else 'do'} not "
            f"hold. {UNRECORDED}",
            remedy="Mend the rows that are shown; or choose a lower version, if the migration was never run. If it is "
            "meant none the less: --ignore-checks, which the log will tell",
        )


def _in_words(found: CheckResult | Account) -> list[str]:
    return check_lines(found) if isinstance(found, CheckResult) else account_lines(found)


def _told(job: Job, series: Series, ledger: Ledger, claims: Sequence[Claim], report: BaselineReport) -> BaselineReport:
    """Add what is left to be done afterwards."""
    rows = [
        Entry(series.name, c.migration.version, c.migration.name, "baseline", metadata=_metadata(report, c))
        for c in claims
    ]
    try:
        strict = replace(job, wish=replace(job.wish, allow_late=False))
        plan = planned(strict, series, (*ledger.read(), *rows))
    except FileError:  # `migrate` will tell
        return report
    late = {problem.version for problem in plan.problems if problem.kind == "late"}
    waiting = sorted((*plan.pending, *plan.later), key=lambda m: m.version)
    return replace(
        report,
        pending=tuple(m.title for m in waiting if m.version not in late),
        late=tuple(m.title for m in waiting if m.version in late),
    )


def _metadata(report: BaselineReport, claim: Claim) -> str:
    from sessmig.ledger_rows import as_json

    return as_json(_origin(report, claim))


def _origin(report: BaselineReport, claim: Claim) -> dict[str, str]:
    """Say by whose history a migration counts as done."""
    if report.history is None or claim.past is None:
        return {}
    told = {ADOPTED: report.history.tool, "adopted_table": report.history.table, "adopted_id": claim.past.id}
    return told | ({"adopted_applied_at": claim.past.applied_at} if claim.past.applied_at else {})


def _write(ledger: Ledger, claim: Claim, one: Recorded, report: BaselineReport) -> None:
    migration = claim.migration
    try:
        text = read_text(migration.path)
    except FileError:  # an applied file is only hashed
        text = ""
    origin = _origin(report, claim)
    ledger.baseline(migration, head_description(text) or migration.name.replace("_", " "), origin)
    detail = {
        **origin,
        **({"matched_by": one.matched_by} if one.matched_by else {}),
        "checksum": migration.checksum,
        "checks": [asdict(check) for check in one.checks],
        **({"merges": [asdict(account) for account in one.merges]} if one.merges else {}),
        **({"ignored_checks": len(one.failed)} if one.failed else {}),
        **(kept_text(text) if text else {}),
    }
    ledger.log(migration, "baseline", "success", started_at=utc_now(), duration_ms=0, detail=detail)
