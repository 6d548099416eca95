"""A run in batches that is killed with -9 at any instant is gone on with by the next one; no row is taken twice."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import ensure_migrations
from tests.batch.filling import demand_recorded
from tests.bench.batch import dialect, made
from tests.bench.batch_kill import differing, kill_again_and_again, write_series
from tests.fixtures.probe import Probe

ROWS = 4_000


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 warns of threads that hold no lock here
def test_killed_again_and_again_each_row_is_there_once_and_no_kill_has_more_than_one_batch_done_again(
    database_url: str, tmp_path: Path, probe: Callable[[str], Probe]
) -> None:
    database, folder, seen = dialect(database_url), tmp_path / "sql", probe(database_url)
    seen.execute(made(database, "number", ROWS))
    seen.close()
    write_series(folder, database, slow=True, size=" size 100")
    ensure_migrations(database_url, folder, to=1, backup="never")
    told = kill_again_and_again(
        database_url, folder, ROWS, 20, seed=5, moment=0.05, way=multiprocessing.get_context("fork")
    )
    assert told.kills >= 10, "the last ones may find it done, but not so many"
    assert told.stood == sorted(told.stood), "what was committed stays"
    assert len(set(told.stood)) >= 4, f"the kills have met too few states: {told.stood}"
    assert set(told.repeated) <= {0, 1}
    assert max(told.repeated) == 1, "no kill has met an open batch"
    assert max(told.rows_again) > 0
    assert differing(database_url) == (ROWS, 0)
    assert seen.value("SELECT count(DISTINCT message_id) FROM backfilled") == ROWS
    demand_recorded(seen)
