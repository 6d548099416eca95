"""Runs PostgreSQL's own programs, pg_dump and pg_restore: finds them, compares versions, hands them the connection.

Knows programs and libpq's environment; no password ever stands in an argument.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from psycopg import pq
from psycopg.conninfo import make_conninfo

from sessmig.databases.wire import redacted
from sessmig.errors import BackupError

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_ONLY_HERE = ("client_encoding", "fallback_application_name", "replication", "sslkeylogfile")
_WORDS = 20
"""How many of the last lines a program said are shown."""


class Programs:
    """The programs, and the environment by which they reach one database.

    Args:
        folder: where they are; found on PATH, if None.
        parameters: of the connection, as libpq names them.
        secrets: what must reach no output.
    """

    def __init__(self, folder: str | None, parameters: Mapping[str, str], secrets: Sequence[str]) -> None:
        self._folder = folder
        self._secrets = secrets
        self.environment, rest, unsaid = _environment(parameters)
        self._unsaid = unsaid
        # libpq takes not everything from the environment; pg_restore wants the name of the database as an argument.
        self.connection = make_conninfo(**rest, dbname=parameters["dbname"])
        """What stands in an argument: nothing secret."""

    def demand(self, label: str, server: int) -> None:
        """Look whether they are there, and new enough for the server.

        Args:
            label: the database for people.
            server: the server's major version.

        Raises:
            BackupError: they are not.
        """
        if self._unsaid:
            raise BackupError(
                f"{label}: {self._unsaid[0]} cannot be handed to pg_dump so that nobody sees it",
                remedy="Give a connection that does without, or go on without a backup (--no-backup).",
            )
        for name in ("pg_dump", "pg_restore"):
            found = self._version(name)
            if found < server:
                raise BackupError(
                    f"{label}: {self.find(name)} is of version {found}, and the server of version {server}: "
                    "it cannot dump from a newer server",
                    remedy=f"Install the client programs of PostgreSQL {server}, and name their folder (--pg-bin, "
                    "SESSMIG_PG_BIN); or go on without a backup (--no-backup).",
                )

    def find(self, name: str) -> str:
        """Return the path of a program.

        Raises:
            BackupError: it is not there.
        """
        found = shutil.which(name, path=self._folder)
        if found is None:
            where = f"in {self._folder}" if self._folder else "on PATH"
            raise BackupError(
                f"{name} is not there ({where})",
                remedy="Install the PostgreSQL client programs, or name their folder (--pg-bin, SESSMIG_PG_BIN); "
                "or go on without a backup (--no-backup).",
            )
        return found

    def _version(self, name: str) -> int:
        said = self.run(name, "--version")
        if (match := _VERSION.search(said)) is None:
            raise BackupError(f"{self.find(name)}: it does not tell its version: {said.strip()}")
        return int(match[1])

    def run(self, name: str, *arguments: str) -> str:
        """Run a program to its end and return what it printed.

        Raises:
            BackupError: it failed; with its own words.
        """
        program = self.find(name)
        with _interrupts_kept() as interrupted:
            try:
                process = subprocess.Popen(  # noqa: S603
                    [program, *arguments],
                    env={**os.environ, **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    encoding="utf-8",
                    errors="replace",
                )
            except OSError as error:
                raise BackupError(f"{program}: {error.strerror}") from None
        with process:
            try:
                if interrupted:
                    raise KeyboardInterrupt
                said, words = process.communicate()
            except BaseException:  # Ctrl-C first of all: nothing of it goes on behind our back
                process.kill()
                process.wait()  # `with` would not, after a Ctrl-C
                raise
        if process.returncode:
            lines = redacted(words, self._secrets).strip().splitlines()[-_WORDS:]
            raise BackupError("\n    ".join(lines) or f"{name} ended with exit code {process.returncode}")
        return said


@contextmanager
def _interrupts_kept() -> Iterator[list[int]]:
    """Keep a Ctrl-C for later: while a program is being started there is nobody yet who could end it."""
    kept: list[int] = []
    usual = signal.getsignal(signal.SIGINT)
    if usual is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield kept
        return
    signal.signal(signal.SIGINT, lambda number, _: kept.append(number))
    try:
        yield kept
    finally:
        signal.signal(signal.SIGINT, usual)


def _environment(parameters: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Sort the parameters of a connection: for the environment, for an argument, and secrets that neither can hold."""
    names = {option.keyword.decode(): option for option in pq.Conninfo.get_defaults()}
    environment, rest, unsaid = {}, {}, []
    for keyword, value in parameters.items():
        option = names.get(keyword)
        if keyword in _ONLY_HERE or option is None:
            continue
        if option.envvar:
            environment[option.envvar.decode()] = value
        elif option.dispchar:  # a password, or what is for experts
            unsaid.append(keyword)
        else:
            rest[keyword] = value
    return environment, rest, unsaid
