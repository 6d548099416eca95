"""The sample in `legacy/`: psql loads it, and it holds every odd case that is survived; and the files are plain SQL."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sessmig import cli
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import PostgresProbe, Probe
from tests.learning import legacy, model
from tests.learning.legacy import message, session

Probes = Callable[[str], Probe]

_CASES = {
    "a user without sessions": "users AS u WHERE NOT EXISTS (SELECT 1 FROM learning_sessions WHERE user_id = u.id)",
    "NULL wherever a column lets it in": "learning_sessions WHERE title IS NULL AND context IS NULL",
    "two sessions of one moment": (
        "learning_sessions AS a JOIN learning_sessions AS b USING (updated_at) WHERE a.id < b.id"
    ),
    "an empty title": "learning_sessions WHERE title = ''",
    "a context that is no object": "learning_sessions WHERE jsonb_typeof(context) = 'array'",
    "a context that is JSON null": "learning_sessions WHERE context = 'null'",
    "changed before it was made": "learning_sessions WHERE updated_at < created_at",
    "changed long ago": "learning_sessions WHERE updated_at < '2001-01-01'",
    "no moment that a calendar knows": "learning_sessions WHERE updated_at = 'infinity'",
    "a count that is not what is counted": (
        "learning_sessions AS s WHERE message_count <> (SELECT count(*) FROM learning_messages WHERE session_id = s.id)"
    ),
    "an empty id": "learning_sessions WHERE id = ''",
    "an id in capitals": "learning_sessions WHERE id = upper(id) AND id <> ''",
    "four bytes a character": "learning_messages WHERE content LIKE '%𝔘%'",
    "right to left": "learning_messages WHERE content LIKE '%שלום%'",
    "content like SQL": "learning_messages WHERE content LIKE '%DROP TABLE%'",
    "empty content": "learning_messages WHERE content = ''",
    "the same words at the same time twice": (
        "learning_messages AS a JOIN learning_messages AS b USING (session_id, content, created_at) WHERE a.id < b.id"
    ),
    "each role in capitals": "learning_messages HAVING count(DISTINCT role) FILTER (WHERE role = upper(role)) = 3",
    "each role in lower case": "learning_messages HAVING count(DISTINCT role) FILTER (WHERE role = lower(role)) = 3",
    "a role in mixed case": "learning_messages WHERE role NOT IN (upper(role), lower(role))",
}


def by_psql(server: PostgresServer, url: str, *paths: Path, whole: bool = True) -> subprocess.CompletedProcess[str]:
    """Run files with psql, as their heads say: each in one transaction, or each statement in its own."""
    psql = "psql" if server.programs is None else server.programs / "psql"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    files = [word for path in paths for word in ("-f", str(path))]
    command = [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", *(["-1"] if whole else []), *files, url]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def sample(postgres_server: PostgresServer) -> Iterator[PostgresProbe]:
    """The sample, loaded as its head says."""
    url = postgres_server.new_database()
    done = by_psql(postgres_server, url, *sorted((legacy.SERIES / "legacy").glob("*.sql")))
    assert (done.returncode, done.stderr) == (0, "")
    yield (found := PostgresProbe(url))
    found.close()
    postgres_server.drop_database(url)


@pytest.mark.parametrize("case", _CASES)
def test_the_sample_holds(sample: PostgresProbe, case: str) -> None:
    assert sample.rows(f"SELECT count(*) FROM {_CASES[case]}")[0][0] > 0


def test_psql_gives_the_same_as_sessmig_there_and_back(
    postgres_server: PostgresServer, new_postgres_url: Callable[[], str], probe: Probes
) -> None:
    plain, ours = new_postgres_url(), new_postgres_url()
    for url in (plain, ours):
        legacy.build_sample(url)
    start = probe(plain).snapshot()

    def run(version: int, ending: str = ".sql") -> None:
        path = legacy.FILES / f"{legacy.TITLES[version - 1]}{ending}"
        done = by_psql(postgres_server, plain, path, whole=version != 4)
        assert (done.returncode, done.stderr) == (0, "")

    run(1)
    run(2)
    # What a batch is told by sessmig has to be said by hand; its file says how.
    text = (legacy.FILES / f"{legacy.TITLES[2]}.sql").read_text(encoding="utf-8")
    bounds = "WHERE id BETWEEN :first AND :last\n  AND "
    assert bounds in text
    probe(plain).execute(text.replace(bounds, "WHERE "))
    run(4)
    run(5)
    legacy.carry_out(ours)
    assert probe(plain).snapshot() == probe(ours).snapshot()
    for version in range(5, 0, -1):
        run(version, ".rollback.sql")
    assert probe(plain).snapshot() == start


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE learning_sessions SET status = 'ARCHIVED'", "1 sessions have another type, status or mode than the"),
        ("UPDATE learning_messages SET metadata = '[1]'", "1 messages have metadata: it would be lost"),
    ],
    ids=["status", "metadata"],
)
def test_by_hand_too_the_rollback_of_2_refuses_to_take_what_was_written_since(
    postgres_server: PostgresServer, postgres_url: str, probe: Probes, change: str, said: str
) -> None:
    legacy.build(postgres_url, [session()], [message()])
    legacy.carry_out(postgres_url, to=2)
    probe(postgres_url).execute(change)
    before = probe(postgres_url).snapshot()
    done = by_psql(postgres_server, postgres_url, legacy.FILES / f"{legacy.TITLES[1]}.rollback.sql")
    assert done.returncode == 3
    assert said in done.stderr
    assert probe(postgres_url).snapshot() == before


def test_a_rehearsal_on_a_copy_goes_there_and_back_and_there_again_with_all_five(
    new_postgres_url: Callable[[], str], probe: Probes, capsys: pytest.CaptureFixture[str]
) -> None:
    real, copy = new_postgres_url(), new_postgres_url()
    for url in (real, copy):
        legacy.build_sample(url)
    before = probe(real).snapshot(exclude=())
    place = ["--database", real, "--dir", str(legacy.SERIES)]
    assert cli.main(["rehearse", "--ignore-wait", "--on", copy, *place]) == 0
    told = capsys.readouterr().out
    assert "    ok      the database is as it was before 0001_create_session_enums\n" in told
    assert "    ok      schema and numbers of rows are those of the first time\n" in told
    assert "not rehearsed" not in told
    assert probe(real).snapshot(exclude=()) == before


def test_look_alikes_in_another_schema_are_left_alone(postgres_url: str, probe: Probes) -> None:
    database = probe(postgres_url)
    database.execute("""CREATE TYPE "ModeType" AS ENUM ('other')""")
    database.execute("CREATE TABLE learning_messages (id TEXT, role TEXT, metadata TEXT)")
    database.execute("CREATE TABLE learning_sessions (id TEXT PRIMARY KEY, type TEXT)")
    database.execute("CREATE INDEX learning_sessions_user_id_updated_at_idx ON learning_sessions (type)")
    database.execute('CREATE SCHEMA "Learn ""ing"')
    inside = f"{postgres_url}?options=-csearch_path%3D%22Learn%5C%20%22%22ing%22"
    legacy.build_sample(inside)
    start, before = database.snapshot(), legacy.look(inside)
    assert legacy.carry_out(inside).applied == 5
    assert legacy.look(inside) == model.migrated(before, 5)
    assert database.rows('SELECT unnest(enum_range(NULL::public."ModeType"))::text') == [("other",)]
    legacy.take_back(inside, 0)
    assert database.snapshot() == start
