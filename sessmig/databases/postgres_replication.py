"""Tells how far the replicas of a PostgreSQL server are behind it. Decides nothing."""

from __future__ import annotations

from sessmig.databases.wire import Wire

# Where nothing was written for a while the server tells no lag, and there is none. Whoever may not look sees rows that
# tell nothing at all, not even the state.
_LAG = """
SELECT count(*), count(state),
       coalesce(extract(epoch FROM max(greatest(write_lag, flush_lag, replay_lag))), 0)::float8
FROM pg_catalog.pg_stat_replication"""


def replay_lag(wire: Wire) -> float | None:
    """Return how many seconds the slowest replica is behind, 0 if there is none; None if this role may not know."""
    ((replicas, told, seconds),) = wire.query(_LAG).rows
    return None if replicas and not told else float(str(seconds))
