"""`--max-lag`: batches pause while a real standby is behind, and go on when it has caught up."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from sessmig import Event, ensure_migrations
from tests.batch.filling import demand_filled, series
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.fixtures.standby import standby

BEHIND = "SELECT coalesce(max(replay_lag) > interval '0.6 s', false) FROM pg_stat_replication"


def test_batches_pause_while_a_standby_is_behind_and_go_on_when_it_has_caught_up(
    postgres_server: PostgresServer, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, seen = migrations(series(size=" size 100")), probe(postgres_url)
    ensure_migrations(postgres_url, folder, to=1)
    with standby(postgres_server, postgres_url, "wal_receiver_status_interval=1") as following:
        replica = probe(following)
        waited: list[tuple[str, int, int]] = []

        def fall_behind() -> None:
            replica.execute("SELECT pg_wal_replay_pause();")
            while not seen.value(BEHIND):
                seen.execute("CREATE TABLE noise (x INTEGER); DROP TABLE noise;")
                time.sleep(0.05)

        def watch(event: Event) -> None:
            if event.progress and event.progress.rows == 100:
                fall_behind()
            elif event.kind == "waiting":
                here, there = (one.value("SELECT count(*) FROM target") for one in (seen, replica))
                waited.append((event.text, here, there))
                replica.execute("SELECT pg_wal_replay_resume();")

        ensure_migrations(postgres_url, folder, max_lag=0.5, on_event=watch)
        replica.close()
    text, here, there = waited[0]
    told = re.fullmatch(
        r"0002_fill: waiting between two batches: a replica is (\d+\.\d) s behind \(--max-lag 0\.5\)", text
    )
    assert told
    assert float(told[1]) > 0.5
    assert (here, there <= 100) == (100, True)
    demand_filled(seen, 2_500)
