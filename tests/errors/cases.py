"""All cases of the errors' reference, by the heading under which they stand. Knows their order and nothing else."""

from __future__ import annotations

from tests.errors import (
    cases_api,
    cases_backup,
    cases_existing,
    cases_files,
    cases_options,
    cases_plan,
    cases_postgres,
    cases_running,
    cases_staged,
    cases_statements,
    cases_verify,
)
from tests.errors.scene import Case

GROUPS: dict[str, tuple[Case, ...]] = {
    "A check, an account or the guard": cases_running.PROOFS,
    "A statement or a commit": cases_running.STATEMENTS,
    "The plan": cases_plan.CASES,
    "Signed plans and scripts": cases_plan.SIGNED,
    "The ledger": cases_plan.LEDGER,
    "Waiting for others": cases_running.LOCKS,
    "Options, settings and URLs": cases_options.CASES,
    "The series folder": cases_files.FOLDER,
    "What a file may not hold": cases_statements.CASES,
    "Directives": cases_files.DIRECTIVES,
    "Verify files": cases_verify.CASES,
    "Merge blocks": cases_verify.MERGES,
    "Batches, and files that are no single transaction": cases_staged.CASES,
    "Rollbacks": cases_plan.ROLLBACKS,
    "Backups and restores": cases_backup.CASES,
    "Baseline and adopt": cases_existing.CASES,
    "Connecting": cases_options.CONNECTING,
    "PostgreSQL": cases_postgres.CASES,
    "Python": cases_api.CASES,
}
