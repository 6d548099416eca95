"""While a backfill runs, another client writes to both tables: what it adds and what it changes is there in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.batch.filling import demand_recorded, series
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

ROWS = 12_000


@pytest.mark.parametrize(
    ("database", "journal"), [("sqlite_url", "delete"), ("sqlite_url", "wal"), ("postgres_url", "")]
)
def test_rows_that_another_client_adds_and_changes_meanwhile_are_there_at_the_end(
    request: pytest.FixtureRequest,
    cli: Cli,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
    database: str,
    journal: str,
) -> None:
    database_url = request.getfixturevalue(database)
    folder = migrations(series(ROWS, slow=True, size=" size 100"))
    env = {"DATABASE_URL": database_url}
    assert cli("migrate", "--no-backup", "--to", "1", "--dir", folder, env=env).returncode == 0
    seen = probe(database_url)
    if journal:
        seen.execute(f"PRAGMA journal_mode = {journal};")
    seen.execute("UPDATE source SET id = -id; UPDATE source SET id = -id * 10;")  # gaps, in which rows may come
    over, added, changed = threading.Event(), list[int](), list[int]()

    def write() -> None:
        other = probe(database_url)
        # As long as the run has most of its rows before it: what comes behind its last look is not the run's.
        while not over.wait(0.003) and other.rows("SELECT count(*) FROM target")[0][0] < ROWS // 2:
            id_ = (len(added) * 7_919) % ROWS * 10 + 3
            other.execute(f"INSERT INTO source (id, word) VALUES ({id_}, 'added');")
            added.append(id_)
            number = (len(changed) * 6_007) % ROWS * 10
            if other.rows(f"SELECT 1 FROM target WHERE id = {number}") and number not in changed:
                other.execute(f"UPDATE target SET word = 'changed' WHERE id = {number};")
                changed.append(number)
        other.close()

    process = cli.start("migrate", "--no-backup", "--dir", folder, env=env)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        _, said = process.communicate(timeout=100)
    finally:
        over.set()
        writer.join()
    assert process.returncode == 0, said
    # Only the last row may have waited for the lock until the run was over.
    missing = [id_ for (id_,) in seen.rows("SELECT id FROM source EXCEPT SELECT id FROM target")]
    assert missing in ([], added[-1:])
    ((rows, keys),) = seen.rows("SELECT count(*), count(DISTINCT id) FROM target")
    assert rows == keys == ROWS + len(added) - len(missing)
    assert {id_ for (id_,) in seen.rows("SELECT id FROM target WHERE word = 'changed'")} == set(changed)
    assert added
    demand_recorded(seen)
