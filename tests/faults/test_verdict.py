"""The judge of the faults sees what is broken: planted damage of each sort is named."""

from __future__ import annotations

import pytest

from tests.faults import child, verdict
from tests.faults.child import Ended
from tests.faults.ground import SECRET, SqliteGround
from tests.faults.series import BATCH
from tests.faults.verdict import BrokenError


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> SqliteGround:
    """A step in batches, on SQLite."""
    child.load_all()
    made = SqliteGround(tmp_path_factory.mktemp("ground"), BATCH)
    made.prepare()
    return made


@pytest.fixture
def done(ground: SqliteGround) -> SqliteGround:
    """The same, applied; what a test spoils is put back for the next."""
    ground.lay("done")
    verdict.finished(ground)
    return ground


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("DELETE FROM copies WHERE id = 7", "the ledger says"),
        ("UPDATE messages SET body = 'x' WHERE id = 7", "the ledger says"),
        ("DROP INDEX copies_body", "the ledger says"),
        ("UPDATE schema_migrations SET status = 'rolled_back' WHERE version = 2", "the ledger says"),
        ("DELETE FROM schema_migrations WHERE version = 2", "the ledger says"),
    ],
)
def test_a_row_an_index_or_a_ledger_that_is_another_is_noticed(done: SqliteGround, damage: str, words: str) -> None:
    seen = done.probe()
    seen.execute(damage)
    with pytest.raises(BrokenError, match=words):
        verdict.stands_well(done)


def test_a_half_done_step_stands_where_its_ledger_says_and_one_row_further_is_noticed(ground: SqliteGround) -> None:
    ground.lay("begun")
    seen = ground.probe()
    seen.execute("CREATE TABLE copies_body (x)")  # in the way of the last statement, an index of that name
    ended = ground.run("migrate", "--no-backup")
    assert ended.code == 1
    seen.execute("DROP TABLE copies_body")
    assert verdict.stands_well(ground).done == 2
    seen.execute("DELETE FROM copies WHERE id = 40")
    with pytest.raises(BrokenError, match="the ledger says"):
        verdict.stands_well(ground)


def test_what_is_left_behind_is_noticed(done: SqliteGround) -> None:
    (done.work / "app.db-sessmig-lock").touch()
    with pytest.raises(BrokenError, match=r"left behind: \['app.db-sessmig-lock'\]"):
        verdict.clean(done)


def test_a_password_in_the_log_is_noticed(done: SqliteGround) -> None:
    done.probe().execute(f"UPDATE schema_migrations_log SET detail = '{SECRET}'")
    with pytest.raises(BrokenError, match="the password stands in ledger or log"):
        verdict.clean(done)


@pytest.mark.parametrize(
    "ended",
    [
        Ended(1, "Traceback (most recent call last):\n  x\n"),
        Ended(1, "sessmig: an error of its own: KeyError: 1\nPlease report it\n"),
        Ended(1, f"postgresql://u:{SECRET}@h/d: no\nDo this\n"),
        Ended(1, "one line alone\n"),
        Ended(1, "  failed  0002_step  0 rows\ndisk full\nThe database holds what it held.\n"),
        Ended(5, "  failed  0002_step  0 rows\nthe lock was not had\nRun again, or wait longer.\n"),
        Ended(-11, ""),
        Ended(70, ""),
        Ended(-9, "", hung=True),
    ],
    ids=["traceback", "own error", "password", "no words", "no file", "nobody named", "signal", "exit code", "hung"],
)
def test_what_a_run_must_not_say_or_do_is_noticed(ended: Ended) -> None:
    with pytest.raises(BrokenError):
        verdict.said_well(ended, killed=False)
