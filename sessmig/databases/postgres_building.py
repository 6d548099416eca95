"""Says how far a PostgreSQL server is with an index, and for whom it waits, while another connection does it.

Looks through a second connection; never at anybody's query text. Knows nothing of what is done afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from sessmig.databases.postgres_connecting import connected
from sessmig.databases.postgres_connection import connection_parameters
from sessmig.databases.wire import Wire
from sessmig.errors import SessmigError
from sessmig.model import Cell
from sessmig.words import took

_FIRST = 0.5
"""Seconds after which whoever watches may want to know; most statements are done by then."""
_PAUSE = 1.0
"""Seconds between two looks."""
_EVERY = 10.0
"""Seconds after which the same is said again."""
_PROGRESS = """
SELECT p.phase, coalesce(nullif(p.blocks_total, 0), p.tuples_total),
       CASE WHEN p.blocks_total > 0 THEN p.blocks_done ELSE p.tuples_done END,
       CASE WHEN p.blocks_total > 0 THEN 'blocks' ELSE 'rows' END
FROM pg_catalog.pg_stat_progress_create_index AS p WHERE p.pid = $1"""
# Transactions that are waited for without a lock between them stand in the progress view alone.
_BLOCKERS = """
SELECT a.pid, a.application_name, a.state,
       (extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000)::bigint
FROM pg_catalog.pg_stat_activity AS a
WHERE a.pid = ANY (pg_catalog.pg_blocking_pids($1::int))
   OR a.pid IN (SELECT current_locker_pid FROM pg_catalog.pg_stat_progress_create_index WHERE pid = $1::int)
ORDER BY a.xact_start NULLS LAST, a.pid LIMIT 1"""


class Watcher:
    """What is told while one statement runs.

    Args:
        connection: the connection that it runs on.
        label: the database, for messages.
        secrets: what must not be in any message.
        on_event: told in one line.
    """

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Cell, ...]],
        label: str,
        secrets: tuple[str, ...],
        on_event: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._label = label
        self._secrets = secrets
        self._on_event = on_event
        self._pid = connection.info.backend_pid
        self._what = ""
        self._second: psycopg.Connection[tuple[Cell, ...]] | None = None
        self._next = 0.0
        self._said = ("", 0.0)

    def say(self, text: str) -> None:
        """Tell whoever watches."""
        self._on_event(text)

    def begin(self, what: str) -> None:
        """Begin to watch: `building the index public.ix on public.t`."""
        self._what, self._said = what, ("", 0.0)
        self._next = time.monotonic() + _FIRST

    def look(self) -> None:
        """Look, if it is time to; a look that fails is given up without a word, for the work goes on."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PAUSE
        try:
            self._second = self._second or connected(self._target(), self._label, self._secrets)
            self._tell(Wire(self._second, self._secrets))
        except SessmigError:
            self._next = time.monotonic() + _EVERY

    def end(self) -> None:
        """Let go of the second connection."""
        if self._second is not None:
            self._second.close()
            self._second = None

    def _target(self) -> str:
        return psycopg.conninfo.make_conninfo(**connection_parameters(self._connection.info))

    def _tell(self, wire: Wire) -> None:
        blockers = wire.query(_BLOCKERS, (self._pid,)).rows
        progress = wire.query(_PROGRESS, (self._pid,)).rows
        phase = str(progress[0][0]) if progress else ""
        text = ": ".join(part for part in (self._what, phase) if part)
        key = text
        if blockers:
            pid, application, state, age = blockers[0]
            parts = (f"pid {pid!s}", application and f"application {application!s}", state and str(state))
            told = ", ".join(str(part) for part in parts if part)
            key = text = f"{self._what}: waiting for {told}"
            text += "" if age is None else f", in a transaction for {took(int(str(age)))}"
        elif progress and progress[0][1]:
            _, total, done, noun = progress[0]
            text += f", {int(str(done)):,} of {int(str(total)):,} {noun!s}"
        now = time.monotonic()
        if key != self._said[0] or now >= self._said[1] + _EVERY:
            self._said = (key, now)
            self._on_event(text)
