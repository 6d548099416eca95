"""The way back: empty tables go, tables with rows stay unless `--allow-loss` says so; users survive untouched."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest

from sessmig import CheckError
from tests.ai_chat import system
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

Probes = Callable[[str], Probe]
pytestmark = pytest.mark.postgres


def test_users_with_hostile_texts_survive_there_and_back(postgres_url: str, probe: Probes) -> None:
    system.build(postgres_url)
    total = 0
    for seed in range(4):
        probe(postgres_url).execute("DELETE FROM users")
        system.add_users(postgres_url, system.users(seed))
        before = probe(postgres_url).snapshot()
        found = probe(postgres_url).rows("SELECT id, username, email FROM users")
        assert sorted(found) == sorted(system.users(seed)), seed
        total += len(system.users(seed))
        system.migrate(postgres_url)
        assert probe(postgres_url).snapshot()["rows"]["users"] == before["rows"]["users"], seed
        system.roll_back(postgres_url)
        assert probe(postgres_url).snapshot() == before, seed
    assert total > 100


def test_the_sample_survives_there_and_back_and_the_sequence_stays(postgres_url: str, probe: Probes) -> None:
    system.build(postgres_url, "1_schema", "2_sample")
    before = probe(postgres_url).snapshot()
    report = system.migrate(postgres_url)
    assert [step.title for step in report.steps] == system.TITLES
    assert probe(postgres_url).snapshot()["rows"]["users"] == before["rows"]["users"]
    report = system.roll_back(postgres_url)
    assert [step.title for step in report.steps] == system.TITLES[::-1]
    assert probe(postgres_url).snapshot() == before


def test_a_table_with_rows_stays_and_its_rows_are_counted(postgres_url: str, probe: Probes) -> None:
    system.build(postgres_url)
    system.migrate(postgres_url)
    probe(postgres_url).execute(system.CONVERSATION)
    probe(postgres_url).execute("DELETE FROM work_flow_states")
    with pytest.raises(CheckError) as caught:
        system.roll_back(postgres_url)
    folder = system.SERIES / "postgres"
    assert str(caught.value).splitlines() == [
        f"{folder}/0002_create_chat_messages.rollback.sql:8: loss guard: the table chat_messages was dropped, "
        "with 3 rows, and no may-lose names it",
        "    id",
        "    1",
        "    2",
        "    3",
        "The database: 0003_create_work_flow_states is rolled back; 0002_create_chat_messages stands as it did, "
        "and nothing of its rollback stays.",
        "If that is meant, write -- sessmig: may-lose chat_messages at the file's top.",
        "Else mend the rollback file, and run it again.",
        "Or, to lose that now: sessmig rollback --allow-loss",
    ]
    assert probe(postgres_url).value("SELECT count(*) FROM chat_messages") == 3
    assert probe(postgres_url).value("SELECT count(*) FROM chat_sessions") == 3


def test_allow_loss_drops_them_and_names_each_with_its_rows(postgres_url: str, probe: Probes, cli: Cli) -> None:
    system.build(postgres_url)
    before = probe(postgres_url).snapshot()
    system.migrate(postgres_url)
    probe(postgres_url).execute(system.CONVERSATION)
    users = probe(postgres_url).rows("SELECT * FROM users")
    place = ("-d", postgres_url, "--dir", system.SERIES)
    refused = cli("rollback", "--to", "0", "--allow-loss", *place)
    assert refused.returncode == 2
    assert probe(postgres_url).value("SELECT count(*) FROM chat_messages") == 3
    done = cli("rollback", "--to", "0", "--allow-loss", "--yes", *place)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if "LOST" in line] == [
        "  LOST  the table work_flow_states was dropped, with 2 rows, as --allow-loss let it",
        "  LOST  the table chat_messages was dropped, with 3 rows, as --allow-loss let it",
        "  LOST  the table chat_sessions was dropped, with 3 rows, as --allow-loss let it",
    ]
    assert probe(postgres_url).rows("SELECT * FROM users") == users
    after = probe(postgres_url).snapshot()
    assert after["schema"] == before["schema"]


def test_something_else_that_refers_to_a_table_stops_its_rollback(postgres_url: str, probe: Probes, cli: Cli) -> None:
    system.build(postgres_url)
    system.migrate(postgres_url)
    probe(postgres_url).execute("CREATE VIEW talk AS SELECT content FROM chat_messages")
    probe(postgres_url).execute(system.CONVERSATION)
    rows = probe(postgres_url).rows("SELECT content FROM talk")
    done = cli("rollback", "--to", "1", "--allow-loss", "--yes", "-d", postgres_url, "--dir", system.SERIES)
    assert done.returncode == 1
    assert "cannot drop table chat_messages because other objects depend on it" in done.stderr
    assert "view talk depends on table chat_messages" in done.stderr
    assert "work_flow_states" not in probe(postgres_url).tables()
    assert probe(postgres_url).rows("SELECT content FROM talk") == rows


def _by_psql(server: PostgresServer, url: str, *names: str) -> None:
    psql = "psql" if server.programs is None else server.programs / "psql"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    files = [part for name in names for part in ("-f", system.SERIES / "postgres" / f"{name}.sql")]
    subprocess.run(
        [psql, "-X", "-v", "ON_ERROR_STOP=1", "-1", *files, url], check=True, capture_output=True, env=environment
    )


def test_psql_gives_the_same_tables_and_takes_them_back(
    postgres_server: PostgresServer, new_postgres_url: Callable[[], str], probe: Probes
) -> None:
    plain, ours = new_postgres_url(), new_postgres_url()
    for url in (plain, ours):
        system.build(url, "1_schema", "2_sample")
    start = probe(plain).snapshot()
    system.migrate(ours)
    _by_psql(postgres_server, plain, *system.TITLES)
    assert probe(plain).snapshot() == probe(ours).snapshot()
    _by_psql(postgres_server, plain, *(f"{title}.rollback" for title in system.TITLES[::-1]))
    assert probe(plain).snapshot() == start


def test_a_rehearsal_goes_there_and_back_and_there_again(postgres_url: str, probe: Probes, cli: Cli) -> None:
    system.build(postgres_url, "1_schema", "2_sample")
    before = probe(postgres_url).snapshot()
    done = cli("rehearse", "-d", postgres_url, "--dir", system.SERIES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert probe(postgres_url).snapshot() == before
