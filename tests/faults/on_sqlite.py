"""Faults on SQLite: at each file operation of a run, in turn."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults import disk
from tests.faults.child import HANGS, Child
from tests.faults.ground import SqliteGround
from tests.faults.scenes import COMMANDS, Scene
from tests.faults.series import series
from tests.faults.verdict import BrokenError, Met, said_well

# kind: what is done at the operation; whether it kills; whether it lasts; the exit codes that it may have.
_ACTS: dict[str, tuple[Callable[[str], int | None], bool, bool, tuple[int, ...]]] = {
    "kill -9": (disk.kill, True, False, ()),
    "kill -9 in a torn write": (disk.tear, True, False, ()),
    "disk full": (disk.fill, False, True, (0, 1)),
    "disk error": (disk.break_once, False, False, (0, 1)),
    "SIGSTOP, others, SIGCONT": (disk.stop, False, False, (0, 4, 5)),
}
KINDS = tuple(_ACTS)


def scenes(place: Path, journals: tuple[str, ...] = ("delete", "wal")) -> Iterator[Scene]:
    """All commands on all kinds of steps, in each journal mode."""
    for journal in journals:
        for kind, one in series("sqlite").items():
            ground = SqliteGround(place / f"{journal}-{kind}", one, journal)
            ground.prepare()
            for command in COMMANDS if kind == "plain" else COMMANDS[:2]:
                scene = Scene(command, ground)
                scene.prepare()
                yield scene


def count(scene: Scene) -> int:
    """Return how many file operations the command has when nothing disturbs it."""
    scene.lay()
    mark = scene.ground.place / "mark"
    mark.write_text("0")

    def one_more(name: str) -> None:
        if not one_more.busy:  # type: ignore[attr-defined]
            one_more.busy = True  # type: ignore[attr-defined]
            mark.write_text(str(int(mark.read_text() or 0) + 1))
            one_more.busy = False  # type: ignore[attr-defined]

    one_more.busy = False  # type: ignore[attr-defined]
    ended = scene.start(partial(disk.plant, one_more)).wait()
    if ended.code:
        raise BrokenError(f"undisturbed: {ended}")
    return int(mark.read_text())


def meet(scene: Scene, kind: str, at: int) -> Met | None:
    """Inject one fault, and hold what has to hold; None where the run ended before it."""
    act, killed, lasting, fine = _ACTS[kind]
    met = Met(kind, scene.name, str(at))
    mark = scene.ground.place / "mark"
    mark.unlink(missing_ok=True)
    scene.lay()
    child = scene.start(partial(disk.plant, disk.Counted(mark, at, act, lasting=lasting)))
    try:
        if kind.startswith("SIGSTOP"):
            _while_it_sleeps(scene, child)
        ended = child.wait(HANGS)
        if not mark.exists():
            return None
        scene.hold(met, ended, killed=killed, fine=fine)
    except (AssertionError, sqlite3.Error) as broken:
        met.words = f"{type(broken).__name__}: {broken}"
    return met


def _while_it_sleeps(scene: Scene, child: Child) -> None:
    """Let another run and a reader come by while the first one is stopped; then wake it."""
    if not until_stopped(child.pid):
        return
    ground: Any = scene.ground
    try:
        other = ground.start(
            *scene.arguments[:1], "--lock-wait", "0.05", *scene.arguments[3:], log=ground.place / "other"
        ).wait()
        said_well(other, killed=False, fine=(0, 1, 4, 5))
        with closing(sqlite3.connect(ground.path, timeout=0)) as reader:
            try:
                reader.execute("SELECT count(*) FROM messages").fetchall()
            except sqlite3.OperationalError as error:
                if "lock" not in str(error):
                    raise
    finally:
        os.kill(child.pid, signal.SIGCONT)


def until_stopped(pid: int) -> bool:
    """Wait until a process has stopped, or ended (it is still to be reaped then)."""
    found = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return found is not None and found.si_code == os.CLD_STOPPED
