"""Faults that come from others: through a pooler, from a standby, with an older version at work, or many at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.faults.ground import Ground, PostgresGround
from tests.faults.proxy import Link, Plan, Proxy
from tests.faults.scenes import Scene
from tests.faults.surroundings import set_clocks
from tests.faults.verdict import BrokenError, Met, finished, said_well, stands_well, succeeded
from tests.fixtures.postgres import connect

CROWD = 64
_CHECKOUT = Path(__file__).parents[2]
POOLED = (
    "pooler: kill -9 behind a request",
    "pooler: connection dropped before a request",
    "pooler: connection reset before the answer",
    "pooler: pg_terminate_backend behind it",
)


def _kill(proxy: Proxy, link: Link) -> None:
    assert proxy.child
    os.kill(proxy.child.pid, 9)


def _end_all(ground: PostgresGround, proxy: Proxy, link: Link) -> None:
    """End all that the pooler has on the server."""
    query = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"
    )
    ground.server.execute(query.format(ground.name))


def meet_pooled(scene: Scene, pooler: str, mode: str, kind: str, at: int) -> Met | None:
    """Inject a fault between a run and a pooler, or behind the pooler."""
    met = Met(f"{kind} ({mode} mode)", scene.name, str(at))
    ground: Any = scene.ground
    ground.is_pooled = True
    acts: dict[str, tuple[Any, str, bool]] = {
        POOLED[0]: (_kill, "behind", True),
        POOLED[1]: (lambda proxy, link: proxy.end(link), "before", False),
        POOLED[2]: (lambda proxy, link: proxy.end(link, reset=True), "answered", False),
        POOLED[3]: (partial(_end_all, ground), "before", False),
    }
    act, when, killed = acts[kind]
    place = urlsplit(pooler)
    try:
        scene.lay()
        proxy = Proxy((str(place.hostname), int(place.port or 0)), Plan(at=at, act=act, when=when))
        ended = proxy.serve(scene.start(url=ground.at("127.0.0.1", proxy.port)))
        if not proxy.met:
            return None
        scene.hold(met, ended, killed=killed, fine=(0, 1, 2, 3, 5))
    except (AssertionError, psycopg.Error) as broken:
        met.words = f"{type(broken).__name__}: {broken}"
    finally:
        ground.is_pooled = False
    return met


def count_pooled(scene: Scene, pooler: str) -> int:
    """Return how many requests a scene has through a pooler; 0 where it is refused, and in words."""
    scene.lay()
    place = urlsplit(pooler)
    ground: Any = scene.ground
    proxy = Proxy((str(place.hostname), int(place.port or 0)))
    ended = proxy.serve(scene.start(url=ground.at("127.0.0.1", proxy.port)))
    said_well(ended, killed=False, fine=(0, 1, 2))
    if ended.code:
        stands_well(ground, back=scene.command == "rollback")
        return 0
    return proxy.requests


def meet_standby(scene: Scene, place: str) -> Met:
    """Run a scene against a standby, which cannot write; the primary has to stay as it is."""
    met = Met("standby", scene.name, "1")
    ground: Any = scene.ground
    address = urlsplit(place)
    try:
        scene.lay()
        before = ground.state()
        _follow(ground, place)
        ended = scene.start(url=ground.at(str(address.hostname), int(address.port or 0))).wait()
        said_well(ended, killed=False, fine=(0,) if scene.command == "backup" else (1,))
        if ground.state() != before:
            raise BrokenError("it changed")
        scene.hold(met, ended, killed=False)
    except (AssertionError, psycopg.Error) as broken:
        met.words = f"{type(broken).__name__}: {broken}"
    return met


def _follow(ground: PostgresGround, place: str) -> None:
    """Wait until the standby has what the primary has."""
    with connect(ground.server.admin_url) as admin, connect(place) as standby:
        ((lsn,),) = admin.execute("SELECT pg_current_wal_lsn()::text").fetchall()
        while not standby.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (lsn,)).fetchone()[0]:  # type: ignore[index]
            pass


def meet_crowd(scene: Scene, at: int) -> Met:
    """Start 64 processes at once on a database that nobody has migrated; half of them have another clock."""
    met = Met(f"{CROWD} processes at once", scene.name, str(at))
    ground = scene.ground
    try:
        ground.lay("begun")
        crowd = [
            ground.start(
                "migrate",
                "--no-backup",
                "--lock-wait",
                "120",
                log=ground.place / f"said-{number}",
                prepare=partial(set_clocks, 3600.0, only_wall=True) if number % 2 and at % 2 == 0 else None,
            )
            for number in range(CROWD)
        ]
        ended = [child.wait(180) for child in crowd]
        for one in ended:
            said_well(one, killed=False, fine=(0,))
        _applied_once(ground)
    except (AssertionError, psycopg.Error) as broken:
        met.words = f"{type(broken).__name__}: {broken}"
    for said in ground.place.glob("said-*"):
        said.unlink()
    return met


def _applied_once(ground: Ground) -> None:
    ground.settle()
    finished(ground)
    seen = ground.probe()
    ((times,),) = seen.rows(
        "SELECT count(*) FROM schema_migrations_log WHERE version = 2 AND action = 'apply' AND outcome = 'success'"
    )
    seen.close()
    if times != 1:
        raise BrokenError(f"it was applied {times} times")


def older(place: Path) -> tuple[Path, str]:
    """An older version of the program, and its name: from git where that knows one, else this one, called older.

    It is the first that knew all kinds of steps.
    """
    place.mkdir(parents=True, exist_ok=True)
    found = subprocess.run(
        ["git", "log", "--format=%h", "--diff-filter=A", "-1", "--", "sessmig/staged.py"],
        cwd=_CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    commit = found.stdout.strip()
    if commit:
        packed = subprocess.run(
            ["git", "archive", commit, "sessmig"], cwd=_CHECKOUT, capture_output=True, check=False
        ).stdout
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(place, filter="data")
        return place, f"commit {commit}"
    shutil.copytree(_CHECKOUT / "sessmig", place / "sessmig", ignore=shutil.ignore_patterns("__pycache__"))
    face = place / "sessmig" / "__init__.py"
    face.write_text(face.read_text().replace('__version__ = "', '__version__ = "0.0.'))
    return place, "this one under an older number"


def meet_versions(scene: Scene, old: Path, at: int) -> Met:
    """Start an older version and this one on the same database; odd: at the same time, even: the old one is killed."""
    met = Met("two versions at once", scene.name, str(at))
    ground = scene.ground
    try:
        scene.lay()
        line, _ = ground.command("migrate", "--lock-wait", "20")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SESSMIG", "PG"))}
        with subprocess.Popen(
            [sys.executable, "-m", "sessmig", *map(str, line)],
            cwd=ground.place,
            env={**environment, "PYTHONPATH": str(old)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        ) as before:
            assert before.stdout
            said = before.stdout.readline() + before.stdout.readline() if at % 3 else ""
            ours = ground.start("migrate", "--lock-wait", "20")
            if at % 2 == 0:
                before.kill()
            ended = ours.wait()
            said += before.communicate()[0]
        said_well(ended, killed=False, fine=(0,))
        met.ended = ended
        if at % 2 and before.returncode:
            raise BrokenError(f"the older version ended with {before.returncode}: {said}")
        ground.settle()
        succeeded(ground.run("migrate"))
        _applied_once(ground)
    except (AssertionError, psycopg.Error) as broken:
        met.words = f"{type(broken).__name__}: {broken}"
    return met
