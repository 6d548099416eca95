"""`plan --format sql`, run by psql and by sqlite3 on every series, gives what `migrate` gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.processes import Cli
from tests.fixtures.programs import RunScript
from tests.plan.pictures import SQL, Probes, build_sample, ledger, log, picture

SERIES = {
    "sqlite": ("webui_sessions", "clinic_sessions", "report_snapshots"),
    "postgres": ("webui_sessions", "clinic_sessions", "learning_sessions", "ai_chat"),
}


@pytest.mark.parametrize(
    ("dialect", "series"),
    [
        pytest.param(dialect, series, marks=[pytest.mark.postgres] if dialect == "postgres" else [])
        for dialect, names in SERIES.items()
        for series in names
    ],
)
def test_the_script_gives_the_same_schema_rows_ledger_and_log_as_migrate(
    request: pytest.FixtureRequest,
    cli: Cli,
    by_hand: RunScript,
    probe: Probes,
    tmp_path: Path,
    dialect: str,
    series: str,
) -> None:
    if dialect == "postgres":
        new = request.getfixturevalue("new_postgres_url")
        hand, ours = new(), new()
    else:
        hand, ours = (f"sqlite:///{tmp_path / name}.db" for name in ("hand", "ours"))
    for url in (hand, ours):
        build_sample(url, series)
    place = ("--dir", SQL / series, "--ignore-wait")
    script = tmp_path / "script.sql"

    planned = cli("plan", "-d", hand, *place, "--format", "sql", "-o", script)
    assert planned.returncode == 0, planned.stderr
    done = by_hand(hand, script)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    migrated = cli("migrate", "-d", ours, *place, "--no-backup")
    assert migrated.returncode == 0, migrated.stderr

    assert ledger(probe(hand)) == ledger(probe(ours))
    assert log(probe(hand)) == log(probe(ours))
    assert picture(probe(hand)) == picture(probe(ours))
    assert cli("status", "-d", hand, "--dir", SQL / series, "--check").returncode == 0
    verified = cli("verify", "-d", hand, "--dir", SQL / series)
    assert (verified.returncode, "FAILED" in verified.stdout) == (0, False), verified.stdout
