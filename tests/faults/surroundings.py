"""Faults of the surroundings of a run on SQLite: no room, no rights, a file that others hold, clocks that jump."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path

from tests.faults.ground import SqliteGround
from tests.faults.scenes import Scene
from tests.faults.verdict import BrokenError, Met

PAGE = 4096
NOBODY = 65534
LOCKS = ("BEGIN EXCLUSIVE", "BEGIN IMMEDIATE", "BEGIN; SELECT count(*) FROM messages")
KINDS = {
    "file size limited (RLIMIT_FSIZE)": 12,
    "held by another process": len(LOCKS),
    "read-only file": 1,
    "read-only directory": 1,
    "clock jumps": 6,
}
DISK = "disk full (tmpfs)"


def points(scene: Scene) -> Iterator[tuple[str, int]]:
    """All that can be done to a scene."""
    for kind, number in KINDS.items():
        yield from ((kind, at) for at in range(1, number + 1))


def meet(scene: Scene, kind: str, at: int) -> Met | None:
    """Inject one fault, and hold what has to hold; None where it met nothing."""
    met = Met(kind, scene.name, str(at))
    ground = scene.ground
    assert isinstance(ground, SqliteGround)
    scene.lay()
    try:
        with _FAULTS[kind](ground, at) as prepare:
            ended = scene.start(prepare).wait()
        # What did not stop it was none; but a clock is to stop nothing.
        if ended.code == 0 and kind != "clock jumps":
            return None
        scene.hold(met, ended, killed=False, fine=(0,) if kind == "clock jumps" else (1, 5))
        if kind.startswith("held") and ended.code == 5 and "held by" not in ended.output:
            raise BrokenError(f"nobody is named:\n{ended.output}")
    except (AssertionError, sqlite3.Error) as broken:
        met.words = f"{type(broken).__name__}: {broken}"
    return met


@contextmanager
def _limited(ground: SqliteGround, at: int) -> Iterator[Callable[[], None]]:
    size = at * PAGE // 2
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


_HOLDER = """import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for one in sys.argv[2].split("; "):
    db.execute(one).fetchall()
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def _held(ground: SqliteGround, at: int) -> Iterator[Callable[[], None] | None]:
    command = [sys.executable, "-c", _HOLDER, str(ground.path), LOCKS[at - 1]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield None
        assert holder.stdin
        holder.stdin.close()


def _be_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


@contextmanager
def _read_only(ground: SqliteGround, at: int, *, folder: bool) -> Iterator[Callable[[], None] | None]:
    """Have the run be somebody who may not write; root may everything."""
    is_root = os.geteuid() == 0
    closed = ground.work if folder else ground.path
    opened = [ground.place, *ground.place.parents] if is_root else []
    for one in opened:
        if one.stat().st_uid == os.geteuid() and not one.stat().st_mode & 0o001 and one != Path("/"):
            one.chmod(one.stat().st_mode | 0o011)
    said = ground.place / "said"
    said.touch()
    for one in (ground.work, *ground.work.iterdir(), said) if is_root else ():
        os.chown(one, NOBODY, NOBODY)
    before = closed.stat().st_mode
    closed.chmod(before & ~0o222)
    try:
        yield _be_nobody if is_root else None
    finally:
        closed.chmod(before)
        for one in (ground.work, *ground.work.iterdir()) if is_root else ():
            os.chown(one, 0, 0)


@contextmanager
def _jumping(ground: SqliteGround, at: int) -> Iterator[Callable[[], None]]:
    yield partial(set_clocks, (-86400.0, 86400.0, -3.0, 3600.0, 1e8, -1e8)[at - 1])


def set_clocks(seconds: float, *, only_wall: bool = False) -> None:
    """Have the wall clock of this process jump so far with every second look; the steady one only onwards."""
    wall, steady, looks = time.time, time.monotonic, [0]

    def jumped() -> float:
        looks[0] += 1
        return wall() + seconds * (looks[0] % 2)

    def onwards() -> float:
        looks[0] += 1
        return steady() + abs(seconds) * looks[0]

    time.time, time.monotonic = jumped, steady if only_wall else onwards
    for name, module in list(sys.modules.items()):
        if name.startswith("sessmig"):
            for clock, own in (("monotonic", time.monotonic), ("time", jumped)):
                if getattr(module, clock, None) in (steady, wall):
                    setattr(module, clock, own)


_FAULTS: dict[str, Callable[[SqliteGround, int], AbstractContextManager[Callable[[], None] | None]]] = {
    "file size limited (RLIMIT_FSIZE)": _limited,
    "held by another process": _held,
    "read-only file": partial(_read_only, folder=False),
    "read-only directory": partial(_read_only, folder=True),
    "clock jumps": _jumping,
}


def _mount_words(place: Path, size: int) -> str:
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, text=True, check=False
    )
    return done.stderr.strip() if done.returncode else ""


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[str]:
    """Mount a disk of so many bytes there; gives why that could not be, or nothing."""
    words = _mount_words(place, size)
    try:
        yield words
    finally:
        if not words:
            subprocess.run(["umount", "--lazy", place], check=True)


def fill(place: Path, left: int) -> Path:
    """Fill a disk but for so many bytes; returns the file that fills it."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file, closing(file):
        try:
            while True:
                file.write(b"\0" * PAGE)
        except OSError:
            pass
        os.truncate(ballast, max(ballast.stat().st_size - left, 0))
    return ballast


def meet_full_disk(scene: Scene, left: int) -> Met | None:
    """Run a scene whose folder is a small disk of which only so many bytes are left."""
    met = Met(DISK, scene.name, str(left))
    ground = scene.ground
    assert isinstance(ground, SqliteGround)
    with small_disk(ground.work, 2 << 20) as words:
        if words:
            raise BrokenError(f"no small disk can be mounted here: {words}")
        try:
            scene.lay()
            ballast = fill(ground.work, left)
            ended = scene.start().wait()
            ballast.unlink()
            if ended.code == 0:
                return None
            scene.hold(met, ended, killed=False, fine=(1,))
        except (AssertionError, sqlite3.Error) as broken:
            met.words = f"{type(broken).__name__}: {broken}"
    return met
