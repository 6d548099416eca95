"""A backup that was made while a step was half done, or before it, is gone on from after its restore."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import StepError
from sessmig.plan import Wish
from tests.backup.yard import Yard
from tests.fixtures.files import WriteMigrations
from tests.run.doing import migrate, status
from tests.staged.half import statuses

BATCH = {
    "0002_copy.sql": "-- sessmig: batch people by id size 10\n"
    "INSERT INTO copies SELECT id, name FROM people WHERE id BETWEEN :first AND :last;\nINSERT INTO done VALUES (1);\n"
}
ALONE = {
    "0002_copy.sql": "-- sessmig: no-transaction\nINSERT INTO copies SELECT id, name FROM people WHERE id < 20;\n"
    "VACUUM;\nINSERT INTO copies SELECT id, name FROM people WHERE id >= 20;\nINSERT INTO done VALUES (1);\n"
}
MEND = "UPDATE people SET name = 'mended' WHERE id = 25"
COUNTS = (
    "SELECT (SELECT count(*) FROM copies), (SELECT count(DISTINCT id) FROM copies), (SELECT count(*) FROM people),"
    " (SELECT count(*) FROM done)"
)


@pytest.fixture(params=[BATCH, ALONE], ids=["batch", "no-transaction"])
def half(request: pytest.FixtureRequest, yard: Yard, migrations: WriteMigrations) -> Callable[[], None]:
    """Write the files; what is returned runs them until the row 25 stops them."""
    yard.probe.execute("CREATE TABLE copies (id INTEGER, name TEXT CHECK (name <> 'bad'));")
    yard.probe.execute("CREATE TABLE done (x INTEGER); UPDATE people SET name = 'bad' WHERE id = 25;")
    migrations(request.param)

    def run() -> None:
        with pytest.raises(StepError) as caught:
            migrate(yard.url, yard.series)
        assert "0002_copy is half done, and that stays" in str(caught.value)
        assert 0 < yard.probe.value("SELECT count(*) FROM copies") < 25

    return run


def test_a_backup_of_a_half_done_step_is_gone_on_from_where_it_stood(yard: Yard, half: Callable[[], None]) -> None:
    half()
    before, ledger = yard.state(), _ledger(yard)
    yard.backup()
    yard.probe.execute(MEND)
    migrate(yard.url, yard.series)
    assert yard.probe.rows(COUNTS) == [(40, 40, 40, 1)]
    yard.done("restore", "--yes")
    assert (yard.state(), _ledger(yard)) == (before, ledger)
    assert [one.state for one in status(yard.url, yard.series).standings] == ["applied", "failed"]
    yard.probe.execute(MEND)
    yard.probe.execute("INSERT INTO people (id, name) VALUES (90, 'late')")
    migrate(yard.url, yard.series)
    assert yard.probe.rows(COUNTS) == [(41, 41, 41, 1)]
    assert statuses(yard.probe) == [(1, "success"), (2, "success")]
    assert "schema_migrations_batches" not in yard.probe.tables()


@pytest.mark.parametrize("half", [BATCH], indirect=True, ids=["batch"])
def test_a_backup_from_before_a_half_done_step_has_it_begun_anew(yard: Yard, half: Callable[[], None]) -> None:
    migrate(yard.url, yard.series, wish=Wish(to=1))
    yard.backup()
    half()
    yard.done("restore", "--yes")
    assert yard.probe.rows(COUNTS) == [(0, 0, 40, 0)]
    assert statuses(yard.probe) == [(1, "success")]
    yard.probe.execute(MEND)
    migrate(yard.url, yard.series)
    assert yard.probe.rows(COUNTS) == [(40, 40, 40, 1)]
    assert statuses(yard.probe) == [(1, "success"), (2, "success")]
    assert "schema_migrations_batches" not in yard.probe.tables()


def _ledger(yard: Yard) -> list[tuple[object, ...]]:
    """Return what the ledger says of the step, and what it keeps of its batches."""
    rows = yard.probe.rows("SELECT version, status, CAST(metadata AS TEXT) FROM schema_migrations ORDER BY version")
    if "schema_migrations_batches" in yard.probe.tables():
        rows += yard.probe.rows("SELECT * FROM schema_migrations_batches ORDER BY batch")
    return rows
