"""Refuses a plan that has problems, with what changed in files that were edited, and a trial that would leave traces.

Knows where the old texts are; asks for them only when there is something to show.
"""

from __future__ import annotations

from collections.abc import Iterable

from sessmig import script
from sessmig.errors import FileError
from sessmig.failure import of_problems
from sessmig.files import read_text
from sessmig.halfway import read_progress
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.ledger_rights import reading
from sessmig.mended import why_not_on
from sessmig.model import Dialect, Plan, Problem, Script, Step
from sessmig.stage import stages
from sessmig.words import discreet

_SHOWN_DIFF = 20


def refuse(plan: Plan, ledger: Ledger) -> None:
    """Refuse a plan that has problems, all of them at once.

    Raises:
        PlanError: naming each problem with its way out.
        DatabaseError: this role may not read the log.
    """
    if plan.problems:
        changed = [problem.version for problem in plan.problems if problem.kind == "changed"]
        with reading(ledger.database, ledger.name):
            texts = ledger.texts(changed)
        raise of_problems(plan.problems, differences(plan, texts))


def refuse_mended(plan: Plan, steps: Iterable[Step], dialect: Dialect) -> None:
    """Refuse to go on with half-done steps whose files were changed in what is done already.

    Raises:
        PlanError: naming each with its way out.
    """
    problems = mended(plan, steps, dialect)
    if problems:
        raise of_problems(problems, {})


def mended(plan: Plan, steps: Iterable[Step], dialect: Dialect) -> tuple[Problem, ...]:
    """Return what stands in the way of half-done steps that are to go on, as far as these are read."""
    halfway = {entry.version: entry for entry in plan.halfway}
    known = ((step, halfway[step.migration.version]) for step in steps if step.migration.version in halfway)
    found = (
        why_not_on(
            step.migration, step.script, stages(step.script, step.merges, dialect), read_progress(entry.metadata)
        )
        for step, entry in known
    )
    return tuple(problem for problem in found if problem)


def refuse_lasting(job: Job, scripts: Iterable[Script]) -> None:
    """Refuse to try out what a rollback would not undo: in PostgreSQL `setval`, where there are sequences already.

    Setting them back afterwards would be no help: meanwhile others draw numbers.

    Raises:
        FileError: naming the first such statement; nothing was touched.
    """
    dialect = job.database.dialect
    found = (
        (source.path, piece.statement_line)
        for source in scripts
        for piece in source.pieces
        if script.moves_sequence(piece.statement, dialect)
    )
    path, line = next(found, (None, 0))
    if path is None or not (lasting := job.database.rehearsing().lasting((job.table, f"{job.table}_log"))):
        return
    error = FileError(
        path,
        "`setval` moves a sequence for good: PostgreSQL does not roll it back, so that this file cannot be tried out "
        f"where sequences stand already ({', '.join(lasting[:3])}{', ...' if len(lasting) > 3 else ''})",
        line=line,
        remedy="Try it out on a copy: sessmig rehearse --on URL. Or set it to the column's own maximum, "
        "as in setval('s', (SELECT max(id) FROM t)); or write ALTER SEQUENCE ... RESTART WITH, which is rolled back.",
    )
    error.holds = "Nothing was touched."
    raise error


def differences(plan: Plan, texts: dict[int, str]) -> dict[int, str]:
    """Show what changed in the files whose old text is known."""
    from difflib import unified_diff  # only now: most runs have no problem to show

    found = {}
    for problem in plan.problems:
        if problem.version not in texts or problem.path is None:
            continue
        try:
            now = read_text(problem.path)
        except FileError as error:
            found[problem.version] = error.reason
            continue
        lines = list(
            unified_diff(texts[problem.version].splitlines(), now.splitlines(), "applied", "now", lineterm="", n=1)
        )[2:]
        more = len(lines) - _SHOWN_DIFF
        shown = [discreet(line) for line in lines[:_SHOWN_DIFF]]
        found[problem.version] = "\n".join(shown + ([f"... {more} more lines"] if more > 0 else []))
    return found
