"""What backups need of PostgreSQL: pg_dump and pg_restore, and where the write-ahead log stands.

Knows the server and its programs; decides nothing and prints nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sessmig.databases.postgres_beside import beside, counted, drops
from sessmig.databases.postgres_programs import Programs
from sessmig.databases.saving import Beside
from sessmig.databases.wire import Wire
from sessmig.errors import BackupError, DatabaseError, LockError
from sessmig.model import Holder

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_MAGIC = b"PGDMP"
_POSITION = """
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text"""
_IDENTITY = "SELECT system_identifier::text FROM pg_control_system()"
# What a transaction has once seen of others' sessions it goes on seeing.
_LOOK_AGAIN = "SELECT pg_stat_clear_snapshot()"
_IN_THE_WAY = """
SELECT w.pid, b.pid, b.application_name, b.usename, to_char(b.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
FROM pg_stat_activity AS w
CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS way (pid)
JOIN pg_stat_activity AS b ON b.pid = way.pid
WHERE w.application_name = $1 AND w.datname = current_database()
ORDER BY b.xact_start"""


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
        self._wait = 0.0
        self._on_wait: Callable[[Holder], None] = lambda holder: None

    def origin(self) -> str:
        """Name the cluster by its own number, which is the same by whatever address it is reached."""
        return f"postgresql:{self._asked(_IDENTITY) or 'unknown'}/{self.to_confirm}"

    def is_of(self, origin: str, path: str) -> bool:
        return origin == self.origin()

    def size(self) -> int:
        return int(str(self._wire.query("SELECT pg_database_size(current_database())").rows[0][0]))

    def position(self) -> str:
        return self._asked(_POSITION)

    def _asked(self, sql: str) -> str:
        """Ask what a server may refuse to tell; that must not spoil an open transaction."""
        is_open = self._wire.in_transaction
        try:
            if is_open:
                self._wire.later("SAVEPOINT sessmig_asks")
            answer = str(self._wire.query(sql).rows[0][0])
        except DatabaseError:
            if is_open:
                self._wire.command("ROLLBACK TO SAVEPOINT sessmig_asks")
            answer = ""
        if is_open:
            self._wire.later("RELEASE SAVEPOINT sessmig_asks")
        return answer

    def prepare(self, *, restores: bool = False) -> None:
        names = ("pg_restore",) if restores else ("pg_dump", "pg_restore")
        version = int(str(self._wire.query("SELECT current_setting('server_version_num')").rows[0][0])) // 10000
        if not self._wire.is_direct:
            raise BackupError(
                f"{self._database.label}: {names[0]} cannot be run through a pooler, whose sessions it would change",
                remedy="Give the address of the server itself.",
            )
        try:
            self._programs.demand(self._database.label, version, *names)
        except BackupError as error:
            if self._database.label not in error.what:
                error.what = f"{self._database.label}: {error.what}"
            raise

    def dump(self, path: str, *, wait: float) -> None:
        self._stay_alive()
        try:
            self._programs.run(
                "pg_dump",
                "--format=custom",
                "--no-password",
                f"--lock-wait-timeout={max(int(wait * 1000), 1)}",
                f"--file={path}",
                f"--dbname={self._programs.connection()}",
                connects=True,
            )
            self._list(path)
        except BackupError as error:
            error.what = f"{self._database.label}: the backup could not be made: {error.what}"
            error.remedy = error.remedy or "Mend what it says."
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

    def beside(self, path: str, *, count: bool = True) -> tuple[Beside, ...]:
        found = beside(self._wire, self._list(path))
        return tuple(counted(self._wire, found)) if count else found

    @contextmanager
    def held(self, lock: str, *, wait: float, on_wait: Callable[[Holder], None], force: bool) -> Iterator[None]:
        with self._database.transaction(lock, wait=wait, on_wait=on_wait):
            self._stay_alive()
            self._wait, self._on_wait = wait, on_wait
            yield

    def save_state(self, path: str) -> bool:
        return False

    def replace_state(self, path: str, gone: Collection[Beside] = (), then: str = "") -> None:
        # By a name of its own: what stands in the way of the session is asked for by it.
        name = f"sessmig restore {self._wire.query('SELECT pg_backend_pid()').rows[0][0]!s}"
        look = self._watch(name)
        try:
            if gone or then:
                # The schema that we stand in is not dropped and made again: our ledger may stay in it.
                schema = str(self._wire.query("SELECT current_schema()").rows[0][0])
                lines = (line for line in self._list(path).splitlines() if f" SCHEMA - {schema} " not in line)
                sql = f"{drops(gone)}\n{then}"
                self._programs.pour(path, "\n".join(lines), sql, name=name, meanwhile=look)
                return
            self._programs.run(
                "pg_restore",
                "--clean",
                "--if-exists",
                "--single-transaction",
                "--exit-on-error",
                "--no-password",
                f"--dbname={self._programs.connection(name)}",
                path,
                connects=True,
                meanwhile=look,
            )
        except BackupError as error:
            error.what = f"{self._database.label}: it could not be restored: {error.what}"
            error.remedy = error.remedy or "Mend what it says, and run it again; or restore into a new database."
            raise

    def _watch(self, name: str) -> Callable[[], None]:
        """Return what ends a session of this name that waits for others for too long, and says meanwhile for whom.

        A lock_timeout would not: the dump's own first lines reset it.
        """
        since: list[float] = []

        def look() -> None:
            self._wire.command(_LOOK_AGAIN)
            found = self._wire.query(_IN_THE_WAY, (name,)).rows
            if not found:
                since.clear()
                return
            since.append(time.monotonic())
            waiting, *holder = found[0]
            if since[-1] - since[0] >= self._wait:
                # The server would let a session whose client is gone go on waiting, and others behind it.
                self._wire.query("SELECT pg_terminate_backend($1)", (waiting,))
                raise LockError.not_had(
                    self._database.label, self._wait, Holder(*holder),  # type: ignore[arg-type]
                    what="the tables were not let go of", who="they are held by",
                )  # fmt: skip
            self._on_wait(Holder(*holder))  # type: ignore[arg-type]

        return look
