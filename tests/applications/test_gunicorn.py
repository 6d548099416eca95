"""gunicorn with eight workers that start at once, each way that the page has: each step is applied once."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.applications.example import Example, lines_until
from tests.fixtures.probe import Probe

WORKERS = 8
COMMAND = ("gunicorn", "--workers", str(WORKERS), "--bind", "unix:shop.sock")
READY = "INFO shop: ready; applied here: "


def _without_hook(example: Example) -> None:
    (example.folder / "gunicorn.conf.py").unlink()


def _demand_applied_once(example: Example) -> None:
    ledger = example.seen.rows("SELECT version, status FROM schema_migrations ORDER BY version")
    assert ledger == [(1, "success"), (2, "success")]
    log = example.seen.rows("SELECT version, outcome FROM schema_migrations_log WHERE action = 'apply' ORDER BY id")
    assert log == [(1, "success"), (2, "success")]
    assert example.seen.rows("SELECT id, name FROM customers") == [(1, "Ada")]


def _applied_in(lines: list[str]) -> list[int]:
    return sorted(int(line.removeprefix(READY)) for line in lines if line.startswith(READY))


def test_of_eight_workers_that_start_at_once_each_is_ready_and_each_step_is_applied_once(example: Example) -> None:
    _without_hook(example)
    server = example.start(*COMMAND, "wsgi:app")
    lines = lines_until(server, lambda lines: len(_applied_in(lines)) == WORKERS)
    applied = _applied_in(lines)
    assert (len(applied), sum(applied)) == (WORKERS, 2), lines
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0
    _demand_applied_once(example)


def test_with_preload_only_the_master_migrates_and_eight_workers_serve(on_sqlite: Example) -> None:
    _without_hook(on_sqlite)
    server = on_sqlite.start(*COMMAND, "--preload", "wsgi:app")
    booting = "Booting worker with pid"
    lines = lines_until(server, lambda lines: sum(booting in line for line in lines) == WORKERS)
    assert (sum(booting in line for line in lines), _applied_in(lines)) == (WORKERS, [2]), lines
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0
    _demand_applied_once(on_sqlite)


def test_with_the_hook_every_worker_finds_nothing_left_to_do(on_sqlite: Example) -> None:
    server = on_sqlite.start(*COMMAND, "wsgi:app")
    lines = lines_until(server, lambda lines: len(_applied_in(lines)) == WORKERS)
    assert _applied_in(lines) == [0] * WORKERS, lines
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0
    _demand_applied_once(on_sqlite)


def test_a_server_that_is_stopped_while_a_worker_migrates_lets_it_finish(
    on_sqlite: Example, postgres_url: str, probe: Callable[[str], Probe]
) -> None:
    _without_hook(on_sqlite)
    on_sqlite.url = postgres_url
    on_sqlite.write("sql/shop/0003_slow.sql", "CREATE TABLE slow (x INTEGER);\nSELECT pg_sleep(1);\n")
    server = on_sqlite.start("gunicorn", "--workers", "1", "--bind", "unix:shop.sock", "wsgi:app")
    lines = lines_until(server, lambda lines: lines[-1] == "INFO sessmig: 0003_slow: slow")
    server.send_signal(signal.SIGTERM)
    lines += server.communicate(timeout=60)[0].splitlines()
    assert (server.returncode, f"{READY}3" in lines) == (0, True), lines
    assert probe(postgres_url).value("SELECT status FROM schema_migrations WHERE version = 3") == "success"


@pytest.mark.parametrize(("hook", "codes"), [(False, {1, 3}), (True, {4})], ids=["workers", "hook"])
def test_where_it_cannot_migrate_the_server_ends_with_a_code_of_its_own_or_by_the_hook_with_sessmigs(
    on_sqlite: Example, hook: bool, codes: set[int]
) -> None:
    assert on_sqlite.python("script.py").returncode == 0
    if not hook:
        _without_hook(on_sqlite)
    on_sqlite.write("sql/shop/0001_customers.sql", "CREATE TABLE customers (id INTEGER);\n")
    done = on_sqlite.run("gunicorn", "--workers", "2", "--bind", "unix:shop.sock", "wsgi:app")
    assert done.returncode in codes, done.stderr
    assert "sessmig resign 1" in done.stderr
    assert ("Traceback" in done.stderr) is not hook
    _demand_applied_once(on_sqlite)
