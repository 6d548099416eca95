"""The grounds that runs are met on: a database that is put back as it was, its folder, and its states by hand.

Knows both databases, and what may be left on them; knows nothing of faults.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from tests.faults.child import Child, Ended, started
from tests.faults.series import Series
from tests.faults.standing import Standing, half_done
from tests.fixtures.postgres import PostgresServer, connect
from tests.fixtures.probe import LEDGER_TABLES, PostgresProbe, Probe, SqliteProbe

SECRET = "pa55-of-the-runner"
"""The password in every PostgreSQL URL; it may stand nowhere else."""
_OURS = LEDGER_TABLES | {"schema_migrations_batches"}
_WHOLE_INDEX = re.compile(r'"?,t,t,[tf],[tf],')


def emptied(folder: Path) -> None:
    """Remove what stands in a folder; the folder may be a disk of its own, and stays."""
    for path in folder.iterdir():
        path.unlink()


class Ground(ABC):
    """One series on one database. `lay` puts it back to one of its starts."""

    dialect: str
    url: str
    environment: Mapping[str, str] = {}

    def __init__(self, place: Path, series: Series) -> None:
        self.series = series
        self.place = place
        self.work = place / "work"
        self.folder = place / "sql" / "shop"
        self.folder.mkdir(parents=True)
        for name, text in series.files.items():
            (self.folder / name).write_text(text, encoding="utf-8")

    @abstractmethod
    def lay(self, start: str) -> None:
        """Put the database back as it was at `start`: begun (only the setup is applied) or done."""

    @abstractmethod
    def keep(self, start: str) -> None:
        """Keep the database as it stands as that start."""

    @abstractmethod
    def probe(self) -> Probe:
        """An independent look."""

    @abstractmethod
    def left(self) -> list[str]:
        """What a run has left on the machine or on the server that has no business there."""

    @abstractmethod
    def settle(self) -> None:
        """Wait until nobody is at work any more who has lost his client."""

    def command(self, *arguments: str, url: str = "") -> tuple[list[str | Path], Path]:
        """A command line on this ground, and the file that its output goes to."""
        return [*arguments, "--dir", self.folder, "-d", url or self.url], self.place / "said"

    def start(self, *arguments: str, url: str = "", **how: Any) -> Child:
        """Start a command on this ground."""
        line, log = self.command(*arguments, url=url)
        environment = {"SESSMIG_BACKUP_DIR": str(self.work), **self.environment, **how.pop("environment", {})}
        return started(line, how.pop("log", log), environment=environment, **how)

    def run(self, *arguments: str, url: str = "") -> Ended:
        """Run a command on this ground to its end."""
        return self.start(*arguments, url=url).wait()

    def state(self) -> str:
        """Schema and rows, without the ledger, as one comparable text; indexes that are not whole yet are left out."""
        seen = self.probe()
        try:
            found = seen.snapshot(_OURS)
        finally:
            seen.close()
        schema = found.get("schema", {})
        if "indexes" in schema:
            schema["indexes"] = [one for one in schema["indexes"] if _WHOLE_INDEX.search(one)]
        schema.pop("pragmas", None)
        return json.dumps([schema, found.get("rows", {})], sort_keys=True)

    def half_indexes(self) -> int:
        """How many indexes were left that are not whole."""
        return 0

    def standing(self) -> Standing:
        """What the ledger says of the step."""
        seen = self.probe()
        try:
            if "schema_migrations" not in seen.tables():
                return Standing(None)
            rows = seen.rows("SELECT status, metadata FROM schema_migrations WHERE version = 2")
            return half_done(*rows[0]) if rows else Standing(None)
        finally:
            seen.close()

    def told(self) -> str:
        """All that ledger and log say, for passwords in it."""
        seen = self.probe()
        try:
            return "".join(repr(seen.rows(f"SELECT * FROM {name}")) for name in sorted(LEDGER_TABLES & seen.tables()))
        finally:
            seen.close()

    @cached_property
    def forth(self) -> list[str]:
        """The states from the setup to the end, made by hand."""
        return self._by_hand("begun", self.series.forth)

    @cached_property
    def backward(self) -> list[str]:
        """The states from the end back, made by hand."""
        return self._by_hand("done", self.series.backward)

    @cached_property
    def again(self) -> str:
        """The state of a step that was rolled back and applied again, made by hand."""
        return self._by_hand("done", (*self.series.backward, *self.series.forth))[-1]

    def _by_hand(self, start: str, units: tuple[str, ...]) -> list[str]:
        self.lay(start)
        found = [self.state()]
        for unit in units:
            seen = self.probe()
            seen.execute(unit)
            seen.close()
            found.append(self.state())
        return found

    def prepare(self) -> None:
        """Make the starts: the setup applied, and the step applied too, by undisturbed runs."""
        for start, arguments in (("begun", ("migrate", "--to", "1")), ("done", ("migrate",))):
            if start == "done":
                self.lay("begun")
            ended = self.run(*arguments, "--no-backup")
            assert ended.code == 0, ended.output
            self.keep(start)
        assert self.again  # made now: what a fault leaves must not be laid anew
        assert self.forth[-1] == self.backward[0], "by hand the step does something else than by sessmig"


class SqliteGround(Ground):
    """A SQLite file in a journal mode."""

    dialect = "sqlite"

    def __init__(self, place: Path, series: Series, journal: str = "delete") -> None:
        super().__init__(place, series)
        self.work.mkdir(exist_ok=True)
        self.path = self.work / "app.db"
        self.url = f"sqlite:///{self.path}"
        self.journal = journal
        with closing(sqlite3.connect(self.path)) as made:
            made.execute(f"PRAGMA journal_mode = {journal}")
            made.execute("VACUUM")

    def lay(self, start: str) -> None:
        emptied(self.work)
        shutil.copytree(self.place / start, self.work, dirs_exist_ok=True)

    def keep(self, start: str) -> None:
        shutil.copytree(self.work, self.place / start)

    def probe(self) -> Probe:
        return SqliteProbe(self.path)

    def settle(self) -> None:
        """A process that was killed has let go of everything."""

    def left(self) -> list[str]:
        known = re.compile(r"app\.db(\.backup_\d{8}_\d{6}(_\d+)?(\.sha256)?)?")
        return [path.name for path in self.work.iterdir() if not known.fullmatch(path.name)]

    @property
    def is_hot(self) -> bool:
        """Whether a journal or a log was left behind that the next one has to play back."""
        names = (self.path.with_name(f"app.db-{kind}") for kind in ("journal", "wal"))
        return any(name.exists() and name.stat().st_size for name in names)


class PostgresGround(Ground):
    """A database of a server, made anew from a template for each start."""

    dialect = "postgres"
    is_pooled = False

    def __init__(self, place: Path, series: Series, server: PostgresServer, name: str) -> None:
        super().__init__(place, series)
        self.work.mkdir(exist_ok=True)
        self.server = server
        self.name = name
        self.environment = {"SESSMIG_PG_BIN": str(server.programs)} if server.programs else {}
        self.plain_url = urlunsplit(urlsplit(server.admin_url)._replace(path=f"/{name}"))
        self.url = self.at(str(urlsplit(server.admin_url).hostname), int(urlsplit(server.admin_url).port or 5432))
        self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}" TEMPLATE template0')

    def at(self, host: str, port: int) -> str:
        """The URL of the database at another address, with a password that nothing may tell."""
        parts = urlsplit(self.plain_url)
        netloc = f"{parts.username}:{quote(SECRET)}@{host}:{port}"
        return urlunsplit(parts._replace(netloc=netloc, query="sslmode=disable&gssencmode=disable"))

    def _admin(self, *statements: str) -> None:
        self.server.execute(*statements)

    def lay(self, start: str) -> None:
        emptied(self.work)
        (files := self.place / start).mkdir(exist_ok=True)
        shutil.copytree(files, self.work, dirs_exist_ok=True)
        self._admin(
            f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)',
            f'CREATE DATABASE "{self.name}" TEMPLATE "{self.name}_{start}" STRATEGY file_copy',
        )

    def keep(self, start: str) -> None:
        self.settle()
        shutil.rmtree(self.place / start, ignore_errors=True)
        shutil.copytree(self.work, self.place / start)
        made = f"{self.name}_{start}"
        self._admin(
            f'DROP DATABASE IF EXISTS "{made}" WITH (FORCE)', f'CREATE DATABASE "{made}" TEMPLATE "{self.name}"'
        )

    def drop(self) -> None:
        """Leave nothing on the server."""
        names = [self.name, *(f"{self.name}_{start}" for start in ("begun", "done", "changed"))]
        self._admin(*(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in names))

    def probe(self) -> Probe:
        return PostgresProbe(self.plain_url)

    def settle(self, limit: float = 20.0) -> None:
        deadline = time.monotonic() + limit
        with connect(self.server.admin_url) as admin:
            while self._others(admin) and time.monotonic() < deadline:
                time.sleep(0.004)

    def _others(self, admin: Any) -> list[tuple[Any, ...]]:
        asked = (
            "SELECT pid, application_name, state, query FROM pg_stat_activity"
            " WHERE backend_type <> 'autovacuum worker' AND application_name <> 'sessmig tests'"
        )
        if self.is_pooled:  # the pooler keeps its own for the next one
            asked += " AND state <> 'idle'"
        found: list[tuple[Any, ...]] = admin.execute(f"{asked} AND datname = %s", (self.name,)).fetchall()
        return found

    def half_indexes(self) -> int:
        seen = self.probe()
        try:
            return int(seen.value("SELECT count(*) FROM pg_index WHERE NOT (indisvalid AND indisready)"))
        finally:
            seen.close()

    def left(self) -> list[str]:
        found = [
            path.name
            for path in self.work.iterdir()
            if not re.fullmatch(r".+\.backup_\d{8}_\d{6}(_\d+)?(\.sha256)?", path.name)
        ]
        with connect(self.server.admin_url) as admin:
            found += [f"connection: {row}" for row in self._others(admin)]
        with connect(self.plain_url) as own:
            for what, query in _LEFT.items():
                found += [f"{what}: {row}" for row in own.execute(query).fetchall()]
        return found


_LEFT = {
    "lock": "SELECT l.* FROM pg_locks AS l WHERE locktype = 'advisory' AND database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database())",
    "temporary table": "SELECT relname FROM pg_class WHERE relpersistence = 't'",
    "replication slot": "SELECT slot_name FROM pg_replication_slots",
    "prepared transaction": "SELECT gid FROM pg_prepared_xacts",
}
