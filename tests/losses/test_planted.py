"""Planted losses: each ends in a rollback that names it, found by what is meant to find it; the right step passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import CheckError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.losses import changing, moving, taking
from tests.losses.planted import Finder, Planted, chat
from tests.run.doing import is_postgres, log, migrate, state

Probes = Callable[[str], Probe]

TABLE: dict[str, Planted] = {**moving.LOST, **moving.CHANGED_VALUES, **taking.TAKEN, **changing.CHANGED}
FOUND: dict[Finder, str] = {
    "merge": ": merge failed: ",
    "guard": ": loss guard: ",
    "check": ".verify.sql:1: check failed: ",
    "free check": "0001_step.sql: check failed: ",
}
CASES = [
    pytest.param(url, name, id=f"{name}-{url.partition('_')[0]}", marks=[pytest.mark.postgres] * (url[0] == "p"))
    for name, planted in TABLE.items()
    for url in ("sqlite_url", "postgres_url")
    if planted.only in ("", url.partition("_")[0])
]


def _build(url: str, probe: Probe, planted: Planted) -> None:
    probe.execute(chat(is_postgres=is_postgres(url)) + planted.setup)


def _files(migrations: WriteMigrations, step: str, verify: str) -> Path:
    files = {"0001_step.sql": step + "\n"}
    return migrations(files | ({"0001_step.verify.sql": verify} if verify else {}))


@pytest.mark.parametrize(("url", "name"), CASES)
def test_a_planted_loss_is_rolled_back_and_named_by_what_finds_it(
    url: str, name: str, request: pytest.FixtureRequest, migrations: WriteMigrations, probe: Probes
) -> None:
    url, planted = request.getfixturevalue(url), TABLE[name]
    database = probe(url)
    _build(url, database, planted)
    before = state(database)
    with pytest.raises(CheckError) as caught:
        migrate(url, _files(migrations, planted.bad, planted.verify))
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert planted.says in message
    assert {finder for finder, words in FOUND.items() if words in message} == set(planted.by), message
    assert "The database holds what it held before; nothing of 0001_step stays." in message
    assert state(database) == before
    assert database.rows("SELECT * FROM schema_migrations") == []
    ((_, _, outcome, _),) = log(database)
    assert outcome == "failed"


@pytest.mark.parametrize(("url", "name"), CASES)
def test_the_right_step_beside_it_passes(
    url: str, name: str, request: pytest.FixtureRequest, migrations: WriteMigrations, probe: Probes
) -> None:
    url, planted = request.getfixturevalue(url), TABLE[name]
    database = probe(url)
    _build(url, database, planted)
    verify = planted.verify if planted.good_verify is None else planted.good_verify
    (step,) = migrate(url, _files(migrations, planted.good, verify)).steps
    assert (step.outcome, step.losses) == ("applied", ())
    assert {found.outcome for found in step.findings} <= {"passed"}
    assert database.value("SELECT status FROM schema_migrations") == "success"
    if planted.leaves:
        query, number = planted.leaves
        assert database.value(query) == number


@pytest.mark.parametrize(
    "name",
    [
        "a LIMIT too many",
        "a dropped column",
        "an UPDATE without its WHERE",
        "a DELETE meant for one row that hits three",
    ],
)
def test_the_command_ends_with_3(
    name: str, database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    planted = TABLE[name]
    _build(database_url, probe(database_url), planted)
    before = state(probe(database_url))
    done = cli("migrate", "-d", database_url, "--dir", _files(migrations, planted.bad, planted.verify))
    assert (done.returncode, planted.says in done.stderr) == (3, True)
    assert state(probe(database_url)) == before


def test_each_way_to_find_a_loss_has_its_planted_ones() -> None:
    finders = [planted.by[0] for planted in TABLE.values()]
    assert len(TABLE) >= 25
    assert {finder: finders.count(finder) > 1 for finder in FOUND} == dict.fromkeys(FOUND, True)
