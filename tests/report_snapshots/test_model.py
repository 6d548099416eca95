"""200 random databases: what goes and what stays is what an independent model says, name by name and row by row."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.report_snapshots import app, model
from tests.report_snapshots.app import ADA

_OWN = {"sessions", "session_interactions"}


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_the_tables_that_go_and_stay_are_those_of_the_model(tmp_path: Path, first: int) -> None:
    dropped = kept = 0
    for seed in range(first, first + 50):
        url = f"sqlite:///{tmp_path / f'{seed}.db'}"
        soup = model.soup(seed)
        app.build(url, soup.tables, sessions=soup.sessions)
        app.migrate(url)
        going = {name for name in soup.tables if model.is_leftover(name, [ADA, *soup.sessions])}
        staying = set(soup.tables) - going
        assert app.tables(url) == _OWN | staying, seed
        assert app.measures(url) == {"snapshots_dropped": 2, "temp_tables_dropped": len(going)}, seed
        with closing(sqlite3.connect(app.file_of(url))) as connection:
            for name in staying:
                assert connection.execute(f"SELECT x FROM {app.quoted(name)}").fetchall() == [(name,)], seed
            rows = connection.execute("SELECT id FROM sessions ORDER BY rowid").fetchall()
        assert rows == [(ADA,), *((name,) for name in soup.sessions)], seed
        dropped, kept = dropped + len(going), kept + len(staying)
    assert min(dropped, kept) > 50  # the model is asked about both
