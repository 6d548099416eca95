"""After a rollback: who looks is told when it was, and by whom; and the commands that messages name can be pasted."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import PendingError, ensure_migrations
from sessmig.ledger_rows import done_by
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.rollback.shop import FILES, statuses
from tests.run.doing import is_postgres, migrate, roll_back, status

Probes = Callable[[str], Probe]


def _when(url: str, probe: Probe) -> str:
    """Return when the last rollback began."""
    moment = "to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')" if is_postgres(url) else "started_at"
    query = f"SELECT {moment} FROM schema_migrations_log WHERE action = 'rollback' ORDER BY id DESC LIMIT 1"
    return str(probe.value(query))


def test_the_start_that_applies_it_again_says_when_and_by_whom_it_was_rolled_back(
    database_url: str, migrations: WriteMigrations, probe: Probes, caplog: pytest.LogCaptureFixture
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    roll_back(database_url, folder)
    said = f"rolled back on {_when(database_url, probe(database_url))} UTC by {done_by()}"
    with pytest.raises(PendingError) as pending:
        ensure_migrations(database_url, folder, pending="error")
    assert pending.value.what == f"1 migration pending: 0003_stock ({said})"
    with caplog.at_level(logging.INFO, "sessmig"):
        ensure_migrations(database_url, folder)
    assert f"0003_stock was {said}, and is applied again" in caplog.messages
    assert statuses(probe(database_url))[2] == (3, "success")


def test_what_was_never_rolled_back_is_not_said_to_be(
    database_url: str, migrations: WriteMigrations, caplog: pytest.LogCaptureFixture
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    roll_back(database_url, folder)
    migrate(database_url, folder)
    with caplog.at_level(logging.INFO, "sessmig"):
        ensure_migrations(database_url, migrations({"0004_more.sql": "SELECT 1;\n"}))
    assert not [message for message in caplog.messages if "rolled back" in message]


def test_status_shows_when_and_by_whom_it_was_rolled_back(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    roll_back(database_url, folder)
    when = _when(database_url, probe(database_url))
    standing = status(database_url, folder).standings[2]
    assert (standing.state, standing.applied_at) == ("rolled back", None)
    assert (standing.rolled_back_at, standing.rolled_back_by) == (when, done_by())
    line = cli("status", "-d", database_url, "--dir", folder).stdout.splitlines()[5]
    assert line.split() == ["0003", "stock", "rolled", "back", *when.split(), done_by()]


def test_where_no_log_tells_of_it_it_is_just_rolled_back(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    probe(database_url).execute("UPDATE schema_migrations SET status = 'rolled_back' WHERE version = 3")
    with pytest.raises(PendingError) as pending:
        ensure_migrations(database_url, folder, pending="error")
    assert pending.value.what == "1 migration pending: 0003_stock (rolled back)"
    assert status(database_url, folder).standings[2].rolled_back_at is None


def test_a_command_that_a_message_names_can_be_pasted(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(
        {name: text for name, text in FILES.items() if name != "0002_prices.rollback.sql"}, series="a b"
    )
    migrate(database_url, folder, series="mine")
    place = ("-d", database_url, "--dir", folder, "--series", "mine")
    done = cli("rollback", "--to", "0", *place)
    assert done.returncode == 4
    named = done.stderr.splitlines()[-1].partition(": sessmig ")[2]
    assert cli(*shlex.split(named)).returncode == 0
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success"), (3, "rolled_back")]


def test_what_the_environment_gave_is_not_repeated(migrations: WriteMigrations, cli: Cli, tmp_path: Path) -> None:
    env = {"SESSMIG_DATABASE": str(tmp_path / "none.db"), "SESSMIG_DIR": str(migrations(FILES))}
    assert cli("verify", env=env).stderr.splitlines()[-1] == "Run sessmig migrate first."


def test_a_url_with_a_password_is_not_repeated(postgres_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    url = postgres_url.replace("postgres@", "postgres:s3cr3t@")
    assert "s3cr3t" in url
    done = cli("log", "--version", "99", "-d", url, "--dir", folder)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"sessmig status -d URL --dir {folder} lists them."
    assert "s3cr3t" not in done.stderr
