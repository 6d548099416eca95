"""Batches pause while a query says so, and what cannot be asked is refused in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import Event, UsageError, ensure_migrations
from tests.batch.filling import demand_filled, series
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe


def test_batches_pause_while_the_query_gives_more_than_nothing(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, seen = migrations(series()), probe(database_url)
    ensure_migrations(database_url, folder, to=1)
    seen.execute("CREATE TABLE busy (n INTEGER); INSERT INTO busy VALUES (3);")
    paused: list[tuple[str, int]] = []

    def watch(event: Event) -> None:
        if event.kind == "waiting":
            paused.append((event.text, seen.value("SELECT count(*) FROM target")))
            seen.execute("UPDATE busy SET n = 0;")

    ensure_migrations(database_url, folder, throttle_query="SELECT n FROM busy", on_event=watch)
    assert paused == [("0002_fill: waiting between two batches: the throttle query says 3", 0)]
    seen.execute("DROP TABLE busy;")
    demand_filled(seen, 2_500)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT n FROM nowhere", "nowhere"),
        ("SELECT 1, 2", "it does not give one number"),
        ("SELECT 'many'", "it does not give one number"),
    ],
)
def test_a_throttle_query_without_an_answer_is_refused(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], query: str, reason: str
) -> None:
    with pytest.raises(UsageError) as caught:
        ensure_migrations(database_url, migrations(series()), throttle_query=query)
    assert caught.value.what.startswith("--throttle-query: ")
    assert reason in caught.value.what
    assert probe(database_url).tables() == set()


def test_a_throttle_query_cannot_write(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(series())
    ensure_migrations(database_url, folder, to=1)
    with pytest.raises(UsageError):
        ensure_migrations(database_url, folder, throttle_query="DELETE FROM source")
    assert probe(database_url).value("SELECT count(*) FROM source") == 2_500


def test_sqlite_refuses_a_bound_on_the_lag_of_replicas(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    with pytest.raises(UsageError) as caught:
        ensure_migrations(sqlite_url, migrations(series()), max_lag=5)
    assert "does not tell how far its replicas are behind" in caught.value.what
    assert probe(sqlite_url).tables() == set()


@pytest.mark.parametrize("lag", [-1, "5", float("nan"), True])
def test_a_lag_that_is_no_number_of_seconds_is_refused_before_anything_is_touched(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], lag: object
) -> None:
    with pytest.raises(UsageError) as caught:
        ensure_migrations(postgres_url, migrations(series()), max_lag=lag)  # type: ignore[arg-type]
    assert caught.value.what == f"max_lag={lag!r} is no number of seconds"
    assert probe(postgres_url).tables() == set()


def test_without_replicas_a_bound_on_their_lag_pauses_nothing(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    ensure_migrations(postgres_url, migrations(series()), max_lag=0)
    demand_filled(probe(postgres_url), 2_500)
