"""Writes a plan down to be signed: what would run, the hash of each file, and the rows of the ledger.

Knows what a signature stands for; whether a run is what was signed, `signature` judges.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sessmig import __version__
from sessmig.job import Job
from sessmig.ledger_rows import done_by
from sessmig.pair_files import files_of
from sessmig.preview import Preview
from sessmig.preview_facts import facts
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
                    part: {"path": str(path), "sha256": preview.hashes[step.migration.version][part]}
                    for part, path in files_of(step.migration).items()
                },
                **{fact.name: fact.text for fact in facts(step, preview, job.database.dialect)},
            }
            for step in preview.steps
        ],
        "held": [{"version": held.version, "title": held.title, "how": held.how} for held in preview.plan.held],
        "later": [migration.title for migration in preview.plan.later],
    }
