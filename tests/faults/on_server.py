"""Faults of a PostgreSQL server: it crashes, refuses to write, has no connection, no time, no lock or no disk left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psutil  # type: ignore[import-untyped]
import psycopg

from tests.faults import surroundings
from tests.faults.ground import SECRET, PostgresGround
from tests.faults.on_postgres import through
from tests.faults.proxy import Link, Plan, Proxy
from tests.faults.scenes import Scene
from tests.faults.verdict import BrokenError, Met
from tests.fixtures import keeper
from tests.fixtures.postgres import PostgresServer, answers, connect

CRASHES = ("kill -9 of the server, restarted", "kill -9 of the run's server process")
LIMITS = {
    "statement_timeout": 8,
    "lock held by another session": 3,
    "lock_timeout of the database": 2,
    "default_transaction_read_only": 1,
    "out of connections": 4,
    "idle_in_transaction_session_timeout, asleep": 3,
    "disk full (tmpfs tablespace)": 10,
}
_ROLE = "faults_runner"
_HELD = (
    "LOCK TABLE messages IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE schema_migrations IN SHARE MODE",
    "LOCK TABLE people IN ROW EXCLUSIVE MODE",
)


class Crashing:
    """A server that can be killed and started again; its commits are on the disk before they are told."""

    def __init__(self, server: PostgresServer, stack: ExitStack) -> None:
        assert server.socket_directory is not None, "SESSMIG_TEST_POSTGRES names a server that is not ours to kill"
        assert server.programs is not None
        self._data = server.socket_directory / "data"
        self._server = server
        self._stack = stack
        port = urlsplit(server.admin_url).port
        settings = [f"port={port}", f"unix_socket_directories={server.socket_directory}", "max_connections=120"]
        settings += ["listen_addresses=127.0.0.1", "fsync=off", "synchronous_commit=on", "full_page_writes=off"]
        self._command: list[str | Path] = [server.programs / "postgres", "-D", self._data]
        for setting in settings:
            self._command += ["-c", setting]
        self.kill()
        self.start()

    def kill(self) -> None:
        """Kill the server, and all of its processes, in one instant."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        first = psutil.Process(pid)
        first.suspend()  # or it would see its children die, and clean up behind them
        processes = [*first.children(recursive=True), first]
        for one in processes:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(processes, timeout=10)

    def start(self) -> None:
        """Start it on what it has left."""
        directory = self._server.socket_directory
        assert directory
        url = self._server.admin_url
        # The keeper's own folder is another: at its end it removes it.
        kept = self._stack.enter_context(keeper.server_directory("sessmig-again-"))
        environment = keeper.server_environment()
        self._stack.enter_context(
            keeper.kept(self._command, kept, lambda: answers(url), stop=signal.SIGQUIT, environment=environment)
        )

    def crash(self, proxy: Proxy, link: Link) -> None:
        """Kill and start it at a request."""
        self.kill()
        self.start()

    def crash_one(self, proxy: Proxy, link: Link) -> None:
        """Kill the process of this connection; the server then throws out everybody, and recovers."""
        if not link.pid:
            return
        with suppress(ProcessLookupError):
            os.kill(link.pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (psutil.pid_exists(link.pid) or not answers(self._server.admin_url)):
            time.sleep(0.01)


def meet_crash(scene: Scene, crashing: Crashing, kind: str, at: int) -> Met | None:
    """Crash the server at a request, and hold what has to hold."""
    met = Met(kind, scene.name, str(at))
    act = crashing.crash if kind == CRASHES[0] else crashing.crash_one
    ground: Any = scene.ground
    try:
        scene.lay()
        proxy = through(scene, Plan(at=at, act=act, when="before" if at % 2 else "behind"))
        ended = proxy.serve(scene.start(url=ground.at("127.0.0.1", proxy.port)))
        if not proxy.met:
            return None
        scene.hold(met, ended, killed=False)
    except (AssertionError, psycopg.Error) as broken:
        met.words = f"{type(broken).__name__}: {broken}"
    return met


def points(scene: Scene) -> Iterator[tuple[str, int]]:
    """All limits that a run may meet."""
    for kind, number in LIMITS.items():
        yield from ((kind, at) for at in range(1, number + 1))


def meet(scene: Scene, kind: str, at: int) -> Met | None:
    """Run a scene against a limit, and hold what has to hold; None where it met nothing."""
    met = Met(kind, scene.name, str(at))
    ground: Any = scene.ground
    try:
        scene.lay()
        with _FAULTS[kind](ground, at) as url:
            if kind.startswith("idle"):
                proxy = through(scene, Plan(at=10 * at, act=_sleep, when="answered"))
                child = scene.start(url=ground.at("127.0.0.1", proxy.port))
                ended = proxy.serve(child)
            else:
                ended = scene.start(url=url).wait()
        if ended.code == 0:
            return None
        scene.hold(met, ended, killed=False, fine=(1, 3, 5))
        if "held by" in kind and ended.code == 5 and "pid" not in ended.output:
            raise BrokenError(f"nobody is named:\n{ended.output}")
    except (AssertionError, psycopg.Error) as broken:
        met.words = f"{type(broken).__name__}: {broken}"
    return met


def _sleep(proxy: Proxy, link: Link) -> None:
    """Stop the run for as long as the server has patience with it; then it hears what was said, and goes on."""
    assert proxy.child
    os.kill(proxy.child.pid, signal.SIGSTOP)
    time.sleep(0.2)
    os.kill(proxy.child.pid, signal.SIGCONT)
    proxy.end(link)


@contextmanager
def _set(ground: PostgresGround, setting: str, value: str) -> Iterator[str]:
    ground.server.execute(f"ALTER DATABASE \"{ground.name}\" SET {setting} = '{value}'")
    try:
        yield ground.url
    finally:
        ground.server.execute(f'ALTER DATABASE "{ground.name}" RESET {setting}')


@contextmanager
def _held(ground: PostgresGround, at: int) -> Iterator[str]:
    with connect(ground.plain_url) as holder:
        holder.execute("BEGIN")
        holder.execute(_HELD[at - 1].encode())
        yield ground.url


@contextmanager
def _crowded(ground: PostgresGround, at: int) -> Iterator[str]:
    """A role of its own, which owns everything and may have so many connections less one."""
    with connect(ground.plain_url) as own:
        own.execute(
            f"DO $$ BEGIN CREATE ROLE {_ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$".encode()
        )
        tables = own.execute("SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in tables:
            own.execute(f"ALTER TABLE {name} OWNER TO {_ROLE}".encode())
        own.execute(f'ALTER DATABASE "{ground.name}" OWNER TO {_ROLE}'.encode())
        own.execute(f"ALTER ROLE {_ROLE} CONNECTION LIMIT {at - 1}".encode())
    parts = urlsplit(ground.url)
    place = parts.netloc.rpartition("@")[2]
    yield urlunsplit(parts._replace(netloc=f"{_ROLE}:{quote(SECRET)}@{place}"))
    with connect(ground.plain_url) as own:
        own.execute(f"REASSIGN OWNED BY {_ROLE} TO CURRENT_USER".encode())
        own.execute(f'ALTER DATABASE "{ground.name}" OWNER TO CURRENT_USER'.encode())


@contextmanager
def _small(ground: PostgresGround, at: int) -> Iterator[str]:
    """Have the database on a small disk, of which only some pages are left."""
    place = ground.place / "disk"
    with surroundings.small_disk(place, 48 << 20) as words:
        if words:
            raise BrokenError(f"no small disk can be mounted here: {words}")
        data = place / "data"
        data.mkdir()
        for parent in (place, *place.parents):
            if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
        place.chmod(0o755)
        keeper.give_to_server_user(data)
        name = ground.name
        ground.server.execute(
            f"CREATE TABLESPACE faults_small LOCATION '{data}'",
            f'ALTER DATABASE "{name}" SET TABLESPACE faults_small',
        )
        ballast = surroundings.fill(place, (at - 1) * 8192)
        try:
            yield ground.url
        finally:
            ballast.unlink()
            ground.settle()
            ground.server.execute(f'ALTER DATABASE "{name}" SET TABLESPACE pg_default', "DROP TABLESPACE faults_small")


@contextmanager
def _both(ground: PostgresGround, at: int) -> Iterator[str]:
    with _set(ground, "lock_timeout", "5ms"), _held(ground, at) as url:
        yield url


_FAULTS: dict[str, Callable[[PostgresGround, int], Any]] = {
    "statement_timeout": lambda ground, at: _set(ground, "statement_timeout", f"{at}ms"),
    "lock held by another session": _held,
    "lock_timeout of the database": _both,
    "default_transaction_read_only": lambda ground, at: _set(ground, "default_transaction_read_only", "on"),
    "out of connections": _crowded,
    "idle_in_transaction_session_timeout, asleep": lambda ground, at: _set(
        ground, "idle_in_transaction_session_timeout", "50ms"
    ),
    "disk full (tmpfs tablespace)": _small,
}
