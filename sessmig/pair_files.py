"""Names the files of a migration by their part in it, and hashes each.

Knows files; knows nothing of ledgers and databases.
"""

from __future__ import annotations

from pathlib import Path

from sessmig.files import checksum_of
from sessmig.model import Migration


def files_of(migration: Migration) -> dict[str, Path]:
    """Return the files of a migration by their part in it."""
    parts = {
        "migration": migration.path,
        "verify": migration.verify,
        "rollback": migration.rollback,
        "rollback_verify": migration.rollback_verify,
    }
    return {part: path for part, path in parts.items() if path is not None}


def file_hashes(migration: Migration) -> dict[str, str]:
    """Return the SHA-256 of each file of a migration, as the ledger's checksums are taken."""
    return {part: checksum_of(path) for part, path in files_of(migration).items()}
