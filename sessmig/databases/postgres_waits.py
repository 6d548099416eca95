"""Waits for a PostgreSQL server, as psycopg has it: each gives what is waited for, and is told what has come.

Knows libpq's connection; knows nothing of what is said.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from psycopg import pq
from psycopg.waiting import Ready, Wait


def flush(pgconn: pq.abc.PGconn) -> Generator[Wait, Ready | int, None]:
    while pgconn.flush():
        if int((yield Wait.RW)) & Ready.R:
            pgconn.consume_input()


def fetch(
    pgconn: pq.abc.PGconn, meanwhile: Callable[[], None] | None = None
) -> Generator[Wait, Ready | int, pq.abc.PGresult | None]:
    while pgconn.is_busy():
        if (yield Wait.R):
            pgconn.consume_input()
        elif meanwhile:
            meanwhile()
    return pgconn.get_result()


def end_copy(pgconn: pq.abc.PGconn, status: int) -> Generator[Wait, Ready | int, None]:
    """Refuse the data of a COPY, or let what comes go by; until then the server does nothing else."""
    if status == pq.ExecStatus.COPY_IN:
        pgconn.put_copy_end(b"not served")
        yield from flush(pgconn)
        return
    while (size := pgconn.get_copy_data(1)[0]) >= 0:
        if not size and (yield Wait.R):
            pgconn.consume_input()


def drain(pgconn: pq.abc.PGconn, meanwhile: Callable[[], None] | None = None) -> Generator[Wait, Ready | int, None]:
    while (yield from fetch(pgconn, meanwhile)) is not None:
        pass
