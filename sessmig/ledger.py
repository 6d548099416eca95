"""Keeps the ledger `schema_migrations` and its log: makes, reads and writes them, and takes over an old one.

Knows the tables' columns; decides nothing about what is to be run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sessmig.errors import LedgerError
from sessmig.fitting import FOREIGN
from sessmig.ledger_old import old_rows, take_over
from sessmig.ledger_proof import LedgerProof, Written
from sessmig.ledger_rows import as_json, done_by, legacy_entries, read_entry
from sessmig.ledger_tables import COLUMNS, LOG_COLUMNS, WEBUI_COLUMNS, create_statements, refuse_foreign, refuse_unfit
from sessmig.model import LEGACY, Cell, Entry, Migration, Status, Step
from sessmig.results import StepReport

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_NAMES = frozenset(column.name for column in COLUMNS)
_LOG_NAMES = frozenset(column.name for column in LOG_COLUMNS)


class Ledger:
    """The ledger of one series in one database.

    Args:
        database: where it stands.
        name: the table's name; the log is `NAME_log`.
        series: whose rows are read and written.
        run: what tells the attempts that are logged from those of other runs.
        by: who is recorded; whoever runs this, if empty.
        proves: each row is looked at when it was written; not where nothing is, as only the SQL is wanted.

    Raises:
        LedgerError: the ledger stands in another schema.
    """

    def __init__(
        self, database: Database, name: str, series: str, *, run: str = "", by: str = "", proves: bool = True
    ) -> None:
        self.database = database
        self.name = name
        self.series = series
        self._run = run
        self._by = by
        database.find_ledger(name, WEBUI_COLUMNS)  # which sessmig's own has too
        self._table = database.table(name)
        self._log = database.table(f"{name}_log")
        self._proof = LedgerProof(database, name, series) if proves else None

    def read(self, *, since: int | None = None) -> tuple[Entry, ...]:
        """Read the rows of the series, and those of the series `legacy`; writes nothing.

        Args:
            since: only rows of this version and above, and none of `legacy`.

        Raises:
            LedgerError: the table is another program's.
        """
        columns = frozenset(self.database.columns(self.name))
        if not columns:
            return ()
        if columns == WEBUI_COLUMNS:
            return tuple(legacy_entries(old_rows(self.database, self.name))) if since is None else ()
        refuse_foreign(self.database, self.name, columns)
        if since is not None:
            return self._entries("series = $1 AND version >= $2", since)
        return self._entries("(series = $1 OR series = $2)", LEGACY)

    def entry(self, version: int) -> Entry | None:
        """Read the row of one version; to be asked only where the ledger stands."""
        return next(iter(self._entries("series = $1 AND version = $2", version)), None)

    def halfway(self) -> list[list[Any]]:
        """Return series and version of each step that is half done; to be asked only where the ledger stands."""
        asked = f"SELECT series, version FROM {self._table} WHERE status IN ('running', 'failed') ORDER BY 1, 2"
        return [list(row) for row in self.database.query(asked).rows]

    def _entries(self, chosen: str, other: Cell) -> tuple[Entry, ...]:
        applied_at = self.database.types.utc % "applied_at"
        answer = self.database.query(
            "SELECT series, version, migration_id, status, checksum, description, "
            f"{applied_at}, duration_ms, applied_by, CAST(metadata AS TEXT) FROM {self._table} WHERE {chosen} "
            "ORDER BY version",
            (self.series, other),
        )
        where = f"{self.database.label}: {self.name}"
        return tuple(read_entry(row, where) for row in answer.rows)

    def ensure(self) -> None:
        """Make the ledger and its log, or take an old one over; to be called under the lock, in a transaction.

        Raises:
            LedgerError: the table is another program's.
        """
        columns = frozenset(self.database.columns(self.name))
        if not columns:
            self._send(create_statements(self.database, self.name, COLUMNS))
        elif columns == WEBUI_COLUMNS:
            take_over(self.database, self.name)
        else:
            refuse_foreign(self.database, self.name, columns)
            self.refuse_unfit()
        self.refuse_foreign_log()
        if not self._has_log:
            self._send(create_statements(self.database, f"{self.name}_log", LOG_COLUMNS))

    def refuse_foreign_log(self) -> None:
        """Refuse a table of the log's name that is not sessmig's; it may be missing.

        Raises:
            LedgerError: it is another program's.
        """
        log = frozenset(self.database.columns(f"{self.name}_log"))
        if log and not log >= _LOG_NAMES:
            raise LedgerError(
                f"{self.database.label}: the table {self.name}_log is not sessmig's log"
                f" (columns: {', '.join(sorted(log))})",
                holds="Nothing was touched.",
                remedy="Keep it, and give sessmig a table of its own with --table NAME; its log is then NAME_log.",
            )

    @property
    def is_standing(self) -> bool:
        """Whether `ensure` would find nothing to do."""
        return self._has_log and frozenset(self.database.columns(self.name)) >= _NAMES

    @property
    def _has_log(self) -> bool:
        return frozenset(self.database.columns(f"{self.name}_log")) >= _LOG_NAMES

    def record(self, migration: Migration, step: StepReport) -> None:
        """Write the row that says: this exact file ran, and its checks held."""
        metadata = {m.name: m.value for m in step.measurements}
        self._upsert(
            migration.version,
            migration_id=migration.name,
            description=step.description,
            status="success",
            checksum=migration.checksum,
            duration_ms=step.duration_ms,
            metadata=as_json(metadata),
        )

    def record_half(self, step: Step, status: Status, metadata: str, duration_ms: int) -> None:
        """Write the row that says how far a step of several commits is.

        Args:
            step: the step.
            status: `running` or `failed`.
            metadata: `Progress.as_json`.
            duration_ms: how long it was worked on until now.
        """
        self._upsert(
            step.migration.version,
            migration_id=step.migration.name,
            description=step.script.description,
            status=status,
            checksum=step.migration.checksum,
            duration_ms=duration_ms,
            metadata=metadata,
        )

    def baseline(self, migration: Migration, description: str, metadata: Mapping[str, Any]) -> None:
        """Write the row that says: this counts as done, though sessmig never ran it."""
        self._upsert(
            migration.version,
            migration_id=migration.name,
            description=description,
            status="baseline",
            checksum=migration.checksum,
            duration_ms=None,
            metadata=as_json(metadata),
        )

    def mark(self, migration: Migration, status: str, metadata: str | None) -> None:
        """Change the status of a row, and what is kept with it."""
        self._write(
            f"UPDATE {self._table} SET status = $1, metadata = $2 WHERE series = $3 AND version = $4",
            (status, metadata, self.series, migration.version),
            Written(migration.version, status),
        )

    def take_back(self, migration: Migration) -> None:
        """Say that a migration was rolled back: it is pending again. What a half-done one had reached is forgotten."""
        self._write(
            f"UPDATE {self._table} SET status = 'rolled_back', "
            "metadata = CASE WHEN status IN ('running', 'failed') THEN NULL ELSE metadata END "
            "WHERE series = $1 AND version = $2",
            (self.series, migration.version),
            Written(migration.version, "rolled_back"),
        )

    def resign(self, migration: Migration) -> None:
        """Take an applied migration's file as it is now: its checksum and its name."""
        self.database.query(
            f"UPDATE {self._table} SET checksum = $1, migration_id = $2 WHERE series = $3 AND version = $4",
            (migration.checksum, migration.name, self.series, migration.version),
        )

    def log(
        self, migration: Migration | None, action: str, outcome: str, *, started_at: str, duration_ms: int, detail: Any
    ) -> None:
        """Append one attempt to the log.

        Args:
            migration: what was attempted; None for what concerns the database as a whole (version 0).
            action: apply, verify, rollback, baseline, backup, restore or resign.
            outcome: success, failed or interrupted.
            started_at: UTC, `YYYY-MM-DD HH:MM:SS`.
            duration_ms: milliseconds.
            detail: what there is to tell, as JSON knows it.
        """
        from sessmig import __version__

        moment, version = self.database.types.moment % "$5", migration.version if migration else 0
        sql = (
            f"INSERT INTO {self._log} (series, version, migration_id, action, started_at, duration_ms, outcome, "
            f"done_by, sessmig_version, detail) VALUES ($1, $2, $3, $4, {moment}, $6, $7, $8, $9, $10)"
        )
        params: tuple[Cell, ...] = (
            self.series,
            version,
            migration.name if migration else "",
            action,
            started_at,
            duration_ms,
            outcome,
            self._by or done_by(),
            __version__,
            as_json({"run": self._run, **detail} if self._run else detail),
        )
        if self._proof and outcome == "success":
            self._proof.log(sql, params, version)
        else:
            self.database.query(sql, params)

    def texts(self, versions: Sequence[int]) -> dict[int, str]:
        """Return the text that each of these versions had when it was last applied, where the log has it."""
        found = {version: self._detail(version, "apply", "resign", "baseline").get("text") for version in versions}
        return {version: text for version, text in found.items() if isinstance(text, str)}

    def absent(self, version: int) -> dict[str, int]:
        """Return how many rejected rows each merge of a version left outside its target, as the log has it."""
        try:
            return {merge["name"]: int(merge["absent"]) for merge in self._detail(version, "apply").get("merges", ())}
        except FOREIGN:  # another hand's
            return {}

    def _detail(self, version: int, *actions: str) -> dict[str, Any]:
        """Read what the log tells of the last success."""
        if not self._has_log:
            return {}
        chosen = ", ".join(f"'{action}'" for action in actions)
        answer = self.database.query(
            f"SELECT CAST(detail AS TEXT) FROM {self._log} WHERE series = $1 AND version = $2 "
            f"AND action IN ({chosen}) AND outcome = 'success' ORDER BY id DESC",
            (self.series, version),
            limit=1,
        )
        try:
            return dict(json.loads(str(answer.rows[0][0]))) if answer.rows else {}
        except FOREIGN:  # another hand's
            return {}

    def _upsert(self, version: int, **values: Cell) -> None:
        names = ["series", "version", *values, "applied_by"]
        places = [f"${n}" for n in range(1, len(names) + 1)]
        updates = ", ".join(f"{name} = excluded.{name}" for name in [*names[2:], "applied_at"])
        self._write(
            f"INSERT INTO {self._table} ({', '.join(names)}, applied_at) "
            f"VALUES ({', '.join(places)}, {self.database.types.now}) "
            f"ON CONFLICT (series, version) DO UPDATE SET {updates}",
            (self.series, version, *values.values(), self._by or done_by()),
            Written(version, str(values["status"])),
        )

    def _send(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self.database.query(statement)

    def refuse_unfit(self) -> None:
        """Refuse a table that has the ledger's columns, and cannot keep what is written into it.

        Raises:
            LedgerError: it is a view, another server's, or has no key.
        """
        refuse_unfit(self.database, self.name)

    def _write(self, sql: str, params: Sequence[Cell], row: Written) -> None:
        """Write a row, and see that it stands."""
        if self._proof:
            self._proof.write(sql, params, row)
        else:
            self.database.query(sql, params)
