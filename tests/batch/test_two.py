"""Several processes run one step in batches at once: they take turns, and no row is taken twice."""

from __future__ import annotations

from collections.abc import Callable

from tests.batch.filling import demand_filled, series
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

ROWS = 12_000


def test_two_processes_at_once_end_well_and_take_every_row_once(
    cli: Cli, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(series(ROWS, slow=True, size=" size 100"))
    env = {"DATABASE_URL": database_url}
    assert cli("migrate", "--no-backup", "--to", "1", "--dir", folder, env=env).returncode == 0
    both = [cli.start("migrate", "--no-backup", "--dir", folder, env=env) for _ in range(2)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in both]
    assert [code for _, code in ended] == [0, 0], ended
    demand_filled(probe(database_url), ROWS)


def test_one_of_two_goes_on_when_the_other_is_killed(
    cli: Cli, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(series(ROWS, slow=True, size=" size 100"))
    env = {"DATABASE_URL": database_url}
    assert cli("migrate", "--no-backup", "--to", "1", "--dir", folder, env=env).returncode == 0
    first, second = (cli.start("migrate", "--no-backup", "--dir", folder, env=env) for _ in range(2))
    seen = probe(database_url)
    while not seen.value("SELECT count(*) FROM target"):
        pass
    first.kill()
    _, said = second.communicate(timeout=120)
    assert second.returncode == 0, said
    demand_filled(seen, ROWS)
