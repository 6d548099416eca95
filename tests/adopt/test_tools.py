"""Every tool's history is found by its table, read rightly, and left as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import adopt_migrations, ensure_migrations
from tests.adopt.tables import OTHERS, POSTS, TAGS, USERS, Other
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import is_postgres

LEDGER = "sessmig_migrations"
APPLIED = {
    "dbmate": ("", ""),
    "Rails": ("", ""),
    "golang-migrate": ("", ""),
}
"""What the tools tell of when: most do."""


def _on(database: str) -> list[Other]:
    return [other for other in OTHERS if database == "sqlite_url" or not other.is_sqlite_only]


@pytest.mark.parametrize(
    ("database", "other"),
    [
        pytest.param(
            name, other, id=f"{name[:6]}-{other.tool}", marks=[pytest.mark.postgres] if name == "postgres_url" else []
        )
        for name in ("sqlite_url", "postgres_url")
        for other in _on(name)
    ],
)
def test_what_a_tool_has_applied_is_recorded_and_its_table_stays(
    database: str,
    other: Other,
    request: pytest.FixtureRequest,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
) -> None:
    url = request.getfixturevalue(database)
    there = probe(url)
    there.execute(other.make(is_postgres(url)))
    before = there.snapshot(exclude=())
    folder = migrations(other.files)

    report = adopt_migrations(url, folder, table=LEDGER)

    assert report.history is not None
    tool = {"sqlite-migrate": "sqlite-utils", "yoyo 5": "yoyo"}.get(other.tool, other.tool)
    assert (report.history.tool, report.history.table.rpartition(".")[2]) == (tool, other.table)
    assert [one.title for one in report.recorded] == [f"{other.labels[0]}_{USERS}", f"{other.labels[1]}_{POSTS}"]
    assert report.pending == (f"{other.labels[2]}_{TAGS}",)
    rows = there.rows(f"SELECT version, migration_id, status, length(checksum) FROM {LEDGER} ORDER BY version")
    assert rows == [(int(other.labels[0]), USERS, "baseline", 64), (int(other.labels[1]), POSTS, "baseline", 64)]
    assert there.snapshot(exclude=(LEDGER, f"{LEDGER}_log")) == before
    times = tuple(one.applied_there[:16] for one in report.recorded)
    if tool != "goose":  # whose rows tell when they were written: now
        assert times == APPLIED.get(tool, ("2024-01-05 10:00", "2024-01-06 10:00"))
    assert ensure_migrations(url, folder, table=LEDGER, backup="never").applied == 1
    assert {USERS, POSTS, TAGS} & there.tables() == {TAGS}
