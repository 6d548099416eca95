"""Takes an applied migration's file as it is now.

Knows the ledger's row; the file itself is not run.
"""

from __future__ import annotations

from sessmig.attempt import kept_text
from sessmig.errors import UsageError
from sessmig.files import read_text
from sessmig.job import Job, find
from sessmig.model import Migration
from sessmig.problems import differences
from sessmig.words import utc_now


def resign(job: Job, version: int) -> tuple[Migration, str]:
    """Write the checksum and name that a file has now into its ledger row, and the difference into the log.

    Args:
        job: where.
        version: which migration.

    Returns:
        The migration, and what changed in its text, as far as that is known.

    Raises:
        UsageError: there is no such file, it is not applied, or it has not changed.
    """
    job = job.forgiving()
    series, ledger, _ = find(job)
    migration = next((m for m in series.migrations if m.version == version), None)
    if migration is None:
        raise UsageError(f"resign {version}: there is no file of this version", remedy="sessmig status lists them.")
    with job.transaction():
        _, ledger, plan = find(job)
        entry = next((entry for entry in plan.applied if entry.version == version), None)
        if entry is None:
            raise UsageError(f"resign {version}: {migration.title} is not applied", remedy="There is nothing to sign.")
        problem = next((p for p in plan.problems if p.version == version and p.kind == "changed"), None)
        if problem is None:
            raise UsageError(
                f"resign {version}: {migration.path} is as it was applied", remedy="There is nothing to sign."
            )
        difference = differences(plan, ledger.texts([version])).get(version, "")
        ledger.resign(migration)
        detail = {
            "checksum_before": entry.checksum,
            "checksum": migration.checksum,
            "name_before": entry.name,
            "difference": difference,
            **kept_text(read_text(migration.path)),
        }
        ledger.log(migration, "resign", "success", started_at=utc_now(), duration_ms=0, detail=detail)
    return migration, difference
