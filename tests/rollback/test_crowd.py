"""Several rollbacks at once undo each step once, and one that is killed needs no repair."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from sessmig import LockError, PlanError
from sessmig.databases import connect
from tests.fixtures.files import WriteMigrations
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.rollback.shop import FILES, attempts, statuses
from tests.run.doing import is_postgres, migrate, roll_back
from tests.run.test_interrupt import ENDLESS

Probes = Callable[[str], Probe]
PROCESSES = 8
INSTANTS = 12


def _all_at_once(cli: Cli, url: str, folder: Path, number: int, *options: str) -> list[str]:
    """Let eight processes look while the lock is held, then let it go; return what each prints at its end."""
    with connect(url) as holder, holder.transaction("schema_migrations", wait=10, on_wait=print):
        started = [cli.start("rollback", *options, "-d", url, "--dir", folder) for _ in range(PROCESSES)]
        for process in started:
            assert _line(process) == f"  {number} migration{'s' if number > 1 else ''} to roll back\n"
    ended = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0] * PROCESSES, ended
    return [output for output, _ in ended]


def _line(process: Popen[str]) -> str:
    assert process.stderr
    return process.stderr.readline()


def test_eight_processes_undo_the_newest_once(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    ended = _all_at_once(cli, database_url, folder, 1)
    assert attempts(probe(database_url))[3:] == [("rollback", 3, "success")]
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success"), (3, "rolled_back")]
    assert sum("0003 stock, rolled back in " in output for output in ended) == 1
    assert sum("0003 stock, already rolled back by another process" in output for output in ended) == PROCESSES - 1


def test_eight_processes_undo_all_each_once(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    _all_at_once(cli, database_url, folder, 3, "--to", "0")
    assert attempts(probe(database_url))[3:] == [("rollback", n, "success") for n in (3, 2, 1)]
    assert probe(database_url).tables() == {"schema_migrations", "schema_migrations_log"}


def test_what_was_applied_meanwhile_is_not_undone(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations({name: text for name, text in FILES.items() if not name.startswith("0003")})
    migrate(database_url, folder)

    def apply_another(event: object) -> None:
        if len(statuses(probe(database_url))) == 2:
            migrate(database_url, migrations(FILES))

    with pytest.raises(PlanError) as refused:
        roll_back(database_url, folder, on_event=apply_another)
    assert str(refused.value).splitlines() == [
        "3 stock was applied meanwhile, by another process",
        "Nothing was rolled back.",
        "See where it stands (sessmig status), and run it again.",
    ]
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success"), (3, "success")]


def test_a_lock_that_is_not_had_in_time_is_told(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    with (
        connect(database_url) as holder,
        holder.transaction("schema_migrations", wait=10, on_wait=print),
        pytest.raises(LockError) as refused,
    ):
        roll_back(database_url, folder, lock_wait=0)
    assert "Nothing was rolled back." in str(refused.value)
    assert [status for _, status in statuses(probe(database_url))] == ["success"] * 3


_MANY = {"0001_marks.sql": "CREATE TABLE marks (step INTEGER NOT NULL);\n"} | {
    name: text
    for n in range(2, 8)
    for name, text in {
        f"000{n}_t.sql": f"CREATE TABLE t{n} (x INTEGER);\nINSERT INTO marks VALUES ({n});\n",
        f"000{n}_t.rollback.sql": f"-- sessmig: may-lose t{n}, marks\nDROP TABLE t{n};\n"
        f"DELETE FROM marks WHERE step = {n};\n",
    }.items()
}


def test_a_kill_at_any_instant_needs_no_repair(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder, seen = migrations(_MANY), probe(database_url)
    instant = random.Random("rollback")
    stood = set()
    for _ in range(INSTANTS):
        migrate(database_url, folder)
        process = cli.start("rollback", "--to", "1", "-d", database_url, "--dir", folder)
        assert _line(process) == "  6 migrations to roll back\n"
        for _ in range(instant.randrange(12)):
            _line(process)
        time.sleep(instant.random() * 0.02)
        process.kill()
        process.communicate()
        marks = [step for (step,) in seen.rows("SELECT step FROM marks ORDER BY step")]
        assert marks == [n for n, status in statuses(seen) if status == "success"][1:]
        assert {int(name[1:]) for name in seen.tables() if name[0] == "t"} == set(marks)
        stood.add(len(marks))
    roll_back(database_url, folder, to=1)
    assert seen.rows("SELECT step FROM marks") == []
    assert stood - {6}, "no kill came after a step"


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"])
def test_an_interrupt_leaves_nothing_of_the_rollback_that_ran(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli, sent: signal.Signals, code: int
) -> None:
    endless = ENDLESS["postgres" if is_postgres(database_url) else "sqlite"]
    name = "0002_prices.rollback.sql"
    folder = migrations(FILES | {name: f"{FILES[name]}{endless};\n"})
    migrate(database_url, folder)
    process = cli.start("rollback", "--to", "0", "-d", database_url, "--dir", folder)
    while "begin   0002_prices" not in _line(process):
        assert process.poll() is None
    process.send_signal(sent)
    assert process.stderr
    assert process.wait(60) == code
    assert process.stderr.read() == "interrupted: nothing of the rollback that ran stays; run again to go on\n"
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success"), (3, "rolled_back")]
    assert "prices" in probe(database_url).tables()


def test_it_works_through_a_pooler(
    postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder, url = migrations(FILES), pgbouncer(postgres_url)
    migrate(url, folder)
    for arguments in (("--dry-run",), ("--to", "1"), ("--to", "0")):
        done = cli("rollback", *arguments, "-d", url, "--dir", folder)
        assert done.returncode == 0, done.stderr
    assert [status for _, status in statuses(probe(postgres_url))] == ["rolled_back"] * 3
    assert cli("log", "-d", url, "--dir", folder).stdout.endswith("6 attempts\n")
