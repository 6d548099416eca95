"""Writes a plan down to be signed: what would run, the hash of each file, and the rows of the ledger.

Knows what a signature stands for; whether a run is what was signed, `signature` judges.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sessmig import __version__
from sessmig.job import Job
from sessmig.ledger_rows import done_by
from sessmig.model import Dialect, Step
from sessmig.pair_files import files_of
from sessmig.preview import Preview
from sessmig.preview_facts import facts, locks
from sessmig.signed import FORMAT, KIND, row_of
from sessmig.words import utc_now


def signed_json(job: Job, preview: Preview) -> dict[str, Any]:
    """Return a plan as JSON knows it, with the hash of each file."""
    return {
        "kind": KIND,
        "format": FORMAT,
        "sessmig": __version__,
        "made_at": utc_now(),
        "made_by": done_by(),
        "series": preview.series.name,
        "table": preview.table,
        "database": {"label": preview.label, "identity": dict(preview.identity)},
        "wish": asdict(job.wish),
        "ledger": [
            dict(zip(("series", "version", "name", "status", "checksum"), row_of(entry), strict=True))
            for entry in preview.entries
        ],
        "steps": [
            {
                "version": step.migration.version,
                "title": step.migration.title,
                "description": step.script.description,
                "files": {
                    part: {"path": _within(job, path), "sha256": preview.hashes[step.migration.version][part]}
                    for part, path in files_of(step.migration).items()
                },
                **_facts(step, preview, job.database.dialect),
            }
            for step in preview.steps
        ],
        "held": [
            {"version": held.version, "title": held.title, "how": held.how}
            for held in preview.plan.held
            if not held.ignored
        ],
        "later": [migration.title for migration in preview.plan.later],
    }


def _within(job: Job, path: Path) -> str:
    """Name a file as its series folder has it: the folder may stand elsewhere where the plan is run."""
    return Path(os.path.relpath(path, job.directory)).as_posix()


def _facts(step: Step, preview: Preview, dialect: Dialect) -> dict[str, Any]:
    """Return what there is to know of a step; nothing that another minute would tell otherwise."""
    told: dict[str, Any] = {fact.name: fact.text for fact in facts(step, preview, dialect)}
    if "locks" in told:
        told["locks"] = [asdict(lock) for lock in locks(step, preview, dialect)]
    if wait := step.script.directive("wait"):
        told["wait"] = wait.argument + (
            ", overruled where it holds (--ignore-wait)" if preview.wish.ignore_wait else ""
        )
    return told
