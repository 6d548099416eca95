"""The columns of the ledger and of its log: their names, types, rules, and what they mean.

Knows columns, and nothing of what is done with them. A start with nothing pending imports it, so it imports nothing.
"""

from __future__ import annotations

Declared = tuple[str, str, str, str]
"""A column: its name, its type by the names of `LedgerTypes`, its rule, and what it means."""

LEDGER: tuple[Declared, ...] = (
    ("series", "text", "NOT NULL", "The series of migrations, as its folder is named"),
    ("version", "integer", "NOT NULL", "The number that the file begins with"),
    ("migration_id", "text", "NOT NULL", "The name behind the number in the file name"),
    ("description", "text", "", "The first comment line of the file"),
    (
        "status",
        "text",
        "NOT NULL CHECK (status IN ('success', 'running', 'failed', 'baseline', 'rolled_back'))",
        "success: this exact file ran, and its checks held, in one commit",
    ),
    ("checksum", "text", "", "SHA-256 of the file, without BOM and with LF line ends"),
    ("applied_at", "time", "DEFAULT CURRENT_TIMESTAMP", "When it was recorded (UTC)"),
    ("duration_ms", "integer", "", "How long the step took, in milliseconds"),
    ("applied_by", "text", "", "Who ran it: user@host"),
    ("metadata", "json", "", "The measures of the verify file, by their names"),
)
LOG: tuple[Declared, ...] = (
    ("id", "identity", "", "The order of the attempts"),
    ("series", "text", "NOT NULL", "The series of migrations"),
    ("version", "integer", "NOT NULL", "The migration's number"),
    ("migration_id", "text", "NOT NULL", "The migration's name"),
    ("action", "text", "NOT NULL", "apply, verify, rollback, baseline, backup, restore or resign"),
    ("started_at", "time", "NOT NULL", "When the attempt began (UTC)"),
    ("duration_ms", "integer", "NOT NULL", "How long it took, in milliseconds"),
    ("outcome", "text", "NOT NULL", "success, failed or interrupted"),
    ("done_by", "text", "NOT NULL", "Who did it: user@host"),
    ("sessmig_version", "text", "NOT NULL", "The version of sessmig"),
    ("detail", "json", "NOT NULL", "Statements with rows, checks with answers, measures, the error"),
)
STANDING = "version, migration_id, checksum, status"
"""What has to be read of a row to see that a file is applied as it is now."""


def ledger_names() -> str:
    """Return the ledger's columns as SQL lists them; a query that names them all fails on another program's table."""
    return ", ".join(name for name, *_ in LEDGER)
