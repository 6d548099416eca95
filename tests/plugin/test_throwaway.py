"""Databases for a moment, asked for directly: whatever way the server is named, and whatever the template is called."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from sessmig.databases.throwaway import copied, empty
from tests.fixtures.postgres import PostgresServer, answers


@pytest.mark.parametrize(
    "form",
    [
        "postgresql://{user}@{host}:{port}/{name}",
        "postgres://{user}@{host}:{port}/{name}?connect_timeout=5",
        "postgresql:///{name}?host={host}&port={port}&user={user}",
        "postgresql://{user}@{host}:{port}?dbname={name}",
    ],
)
def test_however_the_server_is_named_the_database_is_another_one_and_goes(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path, form: str
) -> None:
    parts = urlsplit(postgres_url)
    name = parts.path.removeprefix("/")
    server = form.format(user=parts.username, host=parts.hostname, port=parts.port, name=name)
    with empty(server, tmp_path) as url:
        with psycopg.connect(url) as connection:
            made = connection.info.dbname
        assert made.startswith("sessmig_pytest_")
        assert answers(url)
    assert not answers(url)
    assert answers(postgres_url)


def test_a_template_may_have_any_name_and_stays(postgres_server: PostgresServer, tmp_path: Path) -> None:
    name = 'odd "name" 100%'
    quoted = '"' + name.replace('"', '""') + '"'
    postgres_server.execute(f"CREATE DATABASE {quoted}")
    try:
        template = postgres_server.admin_url.rpartition("/")[0] + "/" + quote(name)
        with psycopg.connect(template) as connection:
            connection.execute("CREATE TABLE kept (x INTEGER)")
        with copied(template, postgres_server.admin_url, tmp_path) as url, psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        assert answers(template)
    finally:
        postgres_server.execute(f"DROP DATABASE {quoted}")


def test_a_sqlite_template_of_somebody_elses_may_have_any_name_and_stays(tmp_path: Path) -> None:
    template = tmp_path / "odd 'name' #100%.db"
    template.touch()
    with copied(str(template), "sqlite", tmp_path) as url:
        assert Path(url.removeprefix("sqlite:///")).exists()
    assert [path.name for path in tmp_path.iterdir()] == [template.name]


def test_a_template_that_is_not_there_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    from sessmig import ConnectError

    with pytest.raises(ConnectError, match="could not be copied for a test: unable to open database file"):  # noqa: SIM117
        with copied(str(tmp_path / "gone.db"), "sqlite", tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []
