"""Those who start at once on one machine take turns: who comes second waits, and mostly finds nothing left to do."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sessmig import PendingError, StepError, cli, ensure_migrations, turn
from sessmig.databases.idle import plain
from sessmig.idle import Look
from sessmig.start import ensure
from sessmig.turn import Turn
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that die with their process")

FILES = {"0001_a.sql": "CREATE TABLE a (x INTEGER);\n", "0002_b.sql": "CREATE TABLE b (x INTEGER);\n"}
_CHECKOUT = Path(__file__).parents[2]
# A process that says that it waits for its turn, and at its end what it has loaded and done.
_STARTED = """
import json, sys, types
import sessmig.turn as turn
rest = turn.time.sleep
def told(seconds):
    print("waits", flush=True)
    rest(seconds)
turn.time = types.SimpleNamespace(monotonic=turn.time.monotonic, sleep=told)
turn.LONGEST = 600.0
{code}
print(json.dumps(sorted(name for name in sys.modules if name.startswith("sessmig"))), flush=True)
"""
_CODE = {
    "api": "import sessmig; print(sessmig.ensure_migrations({url!r}, {folder!r}).standing)",
    "cli": "import sessmig.cli; sessmig.cli.main(['migrate', '-d', {url!r}, '--dir', {folder!r}])",
    "program": "import sessmig.cli; sys.exit(sessmig.cli.main(['migrate', '-d', {url!r}, '--dir', {folder!r}]))",
}


def _turn(url: str, folder: Path, series: str = "None", table: str = "schema_migrations") -> Turn:
    """The turn of a plain start."""
    place = plain(url)
    assert place
    return Turn(place.where, str(folder), series, table)


@pytest.fixture
def held(database_url: str, migrations: WriteMigrations) -> Iterator[tuple[str, Path, Turn]]:
    """A database, a series of two steps that it has not got, and their turn, which the test has."""
    folder = migrations(FILES)
    found = _turn(database_url, folder)
    assert not found.waited(0)
    yield database_url, folder, found
    found.end()


def _start(code: str, tmp_path: Path) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SESSMIG_", "DATABASE"))}
    return subprocess.Popen(
        [sys.executable, "-c", _STARTED.format(code=code)],
        cwd=tmp_path, env=environment | {"PYTHONPATH": str(_CHECKOUT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _said(process: subprocess.Popen[str]) -> list[str]:
    """What it says from here on, but for that it waits."""
    out, err = process.communicate()
    said = out.splitlines()
    assert process.returncode == 0, err
    return [line for line in said if line not in ("", "waits")]


@pytest.mark.parametrize("door", ["api", "cli"])
def test_who_comes_second_waits_and_finds_all_done_without_loading_what_runs_a_migration(
    held: tuple[str, Path, Turn], tmp_path: Path, door: str
) -> None:
    url, folder, turn_ = held
    second = _start(_CODE[door].format(url=url, folder=str(folder)), tmp_path)
    assert second.stdout
    assert second.stdout.readline() == "waits\n"
    assert ensure(Look(), url, folder).applied == 2
    turn_.end()
    *told, modules = _said(second)
    assert ("2" if door == "api" else "nothing to do: 2 migrations applied, none pending") in told
    loaded = set(json.loads(modules))
    assert "sessmig.turn" in loaded
    assert not loaded & {"sessmig.start", "sessmig.run", "sessmig.commands", "sessmig.carrying"}


def test_where_something_is_left_to_do_who_waited_does_it(
    held: tuple[str, Path, Turn], tmp_path: Path, probe: Callable[[str], Probe]
) -> None:
    url, folder, turn_ = held
    second = _start(_CODE["api"].format(url=url, folder=str(folder)), tmp_path)
    assert second.stdout
    assert second.stdout.readline() == "waits\n"
    ensure(Look(), url, folder, to=1)
    turn_.end()
    assert _said(second)[0] == "1"  # one stood when it began
    assert {"a", "b"} <= probe(url).tables()


def test_who_has_waited_long_enough_goes_on_and_comes_to_the_databases_own_lock(
    held: tuple[str, Path, Turn], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder, _ = held
    monkeypatch.setattr(turn, "LONGEST", 0.05)
    assert ensure_migrations(url, folder).applied == 2


@pytest.mark.parametrize("options", [{"lock_wait": 0}, {"pending": "error"}, {"to": 2}, {"backup": "never", "keep": 1}])
def test_who_will_not_wait_or_applies_nothing_asks_for_no_turn(
    held: tuple[str, Path, Turn], monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    url, folder, _ = held
    monkeypatch.setattr(turn, "LONGEST", 3_600.0)
    try:
        assert ensure_migrations(url, folder, **options).applied == 2
    except PendingError:
        assert options == {"pending": "error"}


def test_another_database_folder_series_ledger_or_user_is_not_waited_for(
    held: tuple[str, Path, Turn], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder, _ = held
    others = [
        _turn(str(tmp_path / "other.db"), folder),
        _turn(url, tmp_path),
        _turn(url, folder, series="shop"),
        _turn(url, folder, table="ledger"),
    ]
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    others.append(_turn(url, folder))
    for other in others:
        assert not other.waited(0)
        other.end()


def test_a_linked_sqlite_file_is_the_same_one(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "app.db")
    one, other = (_turn(str(tmp_path / name), tmp_path) for name in ("app.db", "link.db"))
    assert not one.waited(0)
    assert other.waited(0)
    one.end()


def test_nothing_of_a_password_is_in_the_name_that_all_may_see() -> None:
    with_one, with_other = (plain(f"postgresql://me:{word}@h/db") for word in ("secret", "other"))
    assert with_one
    assert with_other
    assert with_one.where == with_other.where
    assert "secret" not in with_one.where


def test_a_killed_process_has_no_turn(tmp_path: Path) -> None:
    mine = Turn("killed", str(tmp_path))
    code = (
        "import sys\nfrom sessmig.turn import Turn\n"
        f"taken = Turn('killed', {str(tmp_path)!r})\ntaken.waited(0)\n"
        "print('has it', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=_CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "has it\n"
        assert mine.waited(0)
        other.kill()
        other.wait()
        assert not mine.waited(0)
    mine.end()


def test_a_forked_child_has_no_turn_and_its_parent_still_has_it(tmp_path: Path) -> None:
    mine, other = Turn("forked", str(tmp_path)), Turn("forked", str(tmp_path))
    assert not mine.waited(0)
    context = multiprocessing.get_context("fork")
    begun = context.Event()

    def live_on() -> None:
        begun.set()
        time.sleep(600)

    forked = context.Process(target=live_on)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads that the child has not
        forked.start()
    try:
        assert begun.wait(60)
        assert other.waited(0)
        mine.end()
        assert not other.waited(0)
        other.end()
    finally:
        forked.kill()
        forked.join()


def test_a_turn_that_is_over_is_not_kept_in_mind(tmp_path: Path) -> None:
    mine = Turn("over", str(tmp_path))
    assert not mine.waited(0)
    mine.end()
    kept = weakref.ref(mine)
    del mine
    assert kept() is None


def test_all_who_waited_go_on_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "LONGEST", 600.0)
    first, *others = (Turn("all", str(tmp_path)) for _ in range(5))
    assert not first.waited(0)
    come = threading.Barrier(len(others) + 1)
    rest = time.sleep
    met = threading.local()

    def told(seconds: float) -> None:
        if not hasattr(met, "once"):
            met.once = come.wait()
        rest(seconds)

    monkeypatch.setattr(turn, "time", SimpleNamespace(monotonic=time.monotonic, sleep=told))
    waiting = [threading.Thread(target=other.waited, args=(600.0,)) for other in others]
    for thread in waiting:
        thread.start()
    come.wait()  # all of them wait
    first.end()
    for thread in waiting:
        thread.join()  # each would wait on if another one kept the turn
    assert not first.waited(0)
    first.end()


def test_a_run_that_failed_leaves_its_turn_to_others(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": "INSERT INTO nowhere VALUES (1);\n"})
    with pytest.raises(StepError):
        ensure_migrations(database_url, folder)
    after = _turn(database_url, folder)
    assert not after.waited(0)
    after.end()


def test_where_there_are_no_such_names_nobody_waits(
    held: tuple[str, Path, Turn], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder, _ = held
    monkeypatch.setattr(turn, "LONGEST", 3_600.0)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not _turn(url, folder).waited(3_600.0)


@pytest.mark.parametrize(
    ("door", "number", "code", "words"),
    [
        ("program", signal.SIGTERM, 143, "interrupted: it waited for its turn; nothing was touched\n"),
        ("program", signal.SIGINT, 130, "interrupted\n"),
        ("api", signal.SIGTERM, -signal.SIGTERM, ""),  # an application has its own ways
    ],
)
def test_a_command_that_waits_for_its_turn_is_ended_by_a_signal_and_an_application_as_ever(
    held: tuple[str, Path, Turn], tmp_path: Path, probe: Callable[[str], Probe], door: str, number: int, code: int,
    words: str,
) -> None:  # fmt: skip
    url, folder, _ = held
    with _start(_CODE[door].format(url=url, folder=str(folder)), tmp_path) as second:
        assert second.stdout
        assert second.stdout.readline() == "waits\n"
        second.send_signal(number)
        assert second.communicate()[1] == words
    assert second.returncode == code
    assert probe(url).tables() == set()


def _asked_to_end(number: int, frame: object) -> None:
    """What an application does when it is asked to end."""


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN, _asked_to_end], ids=["default", "nohup", "own"])
def test_sigterm_has_a_meaning_only_while_a_command_waits_and_where_it_had_none(
    held: tuple[str, Path, Turn], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: Any
) -> None:
    url, folder, turn_ = held
    monkeypatch.chdir(tmp_path)
    heard = []

    def told(seconds: float) -> None:
        heard.append(signal.getsignal(signal.SIGTERM))
        turn_.end()

    monkeypatch.setattr(turn, "time", SimpleNamespace(monotonic=time.monotonic, sleep=told))
    then = signal.signal(signal.SIGTERM, before)
    try:
        code = cli.main(["migrate", "-d", url, "--dir", str(folder)])
        assert signal.getsignal(signal.SIGTERM) == before
    finally:
        signal.signal(signal.SIGTERM, then)
    assert code == 0
    assert len(heard) == 1
    assert (heard == [before]) == (before is not signal.SIG_DFL)


def test_a_command_in_a_thread_waits_as_it_is(
    held: tuple[str, Path, Turn], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url, folder, turn_ = held
    monkeypatch.chdir(tmp_path)
    waits = []

    def told(seconds: float) -> None:
        waits.append(seconds)
        turn_.end()

    monkeypatch.setattr(turn, "time", SimpleNamespace(monotonic=time.monotonic, sleep=told))
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(["migrate", "-d", url, "--dir", str(folder)])))
    thread.start()
    thread.join()
    assert (len(waits), codes) == (1, [0])
