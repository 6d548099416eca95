"""What backups need of PostgreSQL: pg_dump and pg_restore, and where the write-ahead log stands.

Knows the server and its programs; decides nothing and prints nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sessmig.databases.postgres_programs import Programs
from sessmig.databases.wire import Wire
from sessmig.errors import BackupError, DatabaseError
from sessmig.model import Holder

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_MAGIC = b"PGDMP"
_POSITION = """
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text"""
_TABLES = """
SELECT CASE n.nspname WHEN current_schema() THEN '' ELSE n.nspname || '.' END || c.relname, c.oid::regclass::text,
       n.nspname, c.relname
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend AS d
      WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
  )
ORDER BY n.nspname, c.relname"""
_IDENTITY = "SELECT system_identifier::text FROM pg_control_system()"


class Saving:
    """Serves the backups of one database.

    Args:
        database: the database.
        wire: its connection.
        parameters: of its connection, as libpq names them.
        programs: the folder of pg_dump and pg_restore; found on PATH, if None.
        secrets: what must reach no output.
    """

    is_usual = False
    folder = ""
    others_stay = ""

    def __init__(
        self,
        database: Database,
        wire: Wire,
        parameters: Mapping[str, str],
        programs: str | None,
        secrets: Sequence[str],
    ) -> None:
        self._database = database
        self._wire = wire
        self.to_confirm = parameters["dbname"]
        self.name = self.to_confirm.replace("/", "_")  # which no file name can hold
        self._programs = Programs(programs, parameters, secrets)

    def origin(self) -> str:
        """Name the cluster by its own number, which is the same by whatever address it is reached."""
        return f"postgresql:{self._asked(_IDENTITY) or 'unknown'}/{self.to_confirm}"

    def size(self) -> int:
        return int(str(self._wire.query("SELECT pg_database_size(current_database())").rows[0][0]))

    def position(self) -> str:
        return self._asked(_POSITION)

    def _asked(self, sql: str) -> str:
        """Ask what a server may refuse to tell; that must not spoil an open transaction."""
        is_open = self._wire.in_transaction
        try:
            if is_open:
                self._wire.command("SAVEPOINT sessmig_asks")
            answer = str(self._wire.query(sql).rows[0][0])
        except DatabaseError:
            if is_open:
                self._wire.command("ROLLBACK TO SAVEPOINT sessmig_asks")
            answer = ""
        if is_open:
            self._wire.command("RELEASE SAVEPOINT sessmig_asks")
        return answer

    def prepare(self) -> None:
        version = int(str(self._wire.query("SELECT current_setting('server_version_num')").rows[0][0])) // 10000
        if not self._wire.is_direct:
            raise BackupError(
                f"{self._database.label}: pg_dump cannot be run through a pooler, whose sessions it would change",
                remedy="Give the address of the server itself, or go on without a backup (--no-backup).",
            )
        self._programs.demand(self._database.label, version)

    def dump(self, path: str, *, wait: float) -> None:
        self._stay_alive()
        try:
            self._programs.run(
                "pg_dump",
                "--format=custom",
                "--no-password",
                f"--lock-wait-timeout={max(int(wait * 1000), 1)}",
                f"--file={path}",
                f"--dbname={self._programs.connection}",
            )
            self._list(path)
        except BackupError as error:
            error.what = f"{self._database.label}: the backup could not be made: {error.what}"
            error.remedy = error.remedy or "Mend what it says, or go on without a backup (--no-backup)."
            raise

    def _stay_alive(self) -> None:
        """Have the server bear with a transaction that does nothing while a program works."""
        if self._wire.in_transaction:
            self._wire.command("SET LOCAL idle_in_transaction_session_timeout = 0")

    def _list(self, path: str) -> str:
        return self._programs.run("pg_restore", "--list", path)

    def inspect(self, path: str, *, sealed: bool) -> None:
        with open(path, "rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise BackupError(f"{path}: not a dump of pg_dump -Fc", remedy="Give a backup of this database.")
        try:
            self._list(path)
            if not sealed:  # the list stands at the beginning: only who reads all of it knows that the end is there
                self._programs.run("pg_restore", f"--file={os.devnull}", path)
        except BackupError as error:
            error.what = f"{path}: the backup is damaged, or of a newer pg_dump: {error.what}"
            error.remedy = error.remedy or "Give another one."
            raise

    @contextmanager
    def held(self, lock: str, *, wait: float, on_wait: Callable[[Holder], None], force: bool) -> Iterator[None]:
        with self._database.transaction(lock, wait=wait, on_wait=on_wait):
            self._stay_alive()
            yield

    def save_state(self, path: str) -> bool:
        return False

    def replace_state(self, path: str) -> tuple[str, ...]:
        known = self._list(path)
        try:
            self._programs.run(
                "pg_restore",
                "--clean",
                "--if-exists",
                "--single-transaction",
                "--exit-on-error",
                "--no-password",
                f"--dbname={self._programs.connection}",
                path,
            )
        except BackupError as error:
            error.what = f"{self._database.label}: it could not be restored: {error.what}"
            error.remedy = error.remedy or _way_out(self._unknown_to(known))
            raise
        return tuple(shown for shown, _ in self._unknown_to(known))

    def _unknown_to(self, listed: str) -> list[tuple[str, str]]:
        """Return the tables that the list of a dump does not name, as people write them and as SQL does."""
        found = []
        for shown, quoted, schema, table in self._wire.query(_TABLES).rows:
            if f" TABLE {schema!s} {table!s} ".replace("\n", " ") not in listed:
                found.append((str(shown), str(quoted)))
        return found


def _way_out(unknown: Sequence[tuple[str, str]]) -> str:
    if not unknown:
        return "Mend what it says, and run it again; or restore into a new database."
    names = ", ".join(quoted for _, quoted in unknown)
    return (
        "What was made since the backup may be in the way: restore into a new database, or, if nothing of it is "
        f"needed, drop it first: DROP TABLE {names} CASCADE"
    )
