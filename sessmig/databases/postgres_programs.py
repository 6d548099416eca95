"""Runs pg_dump, pg_restore and psql: finds them, compares their versions, hands them the connection.

Knows programs and libpq's environment; no password ever stands in an argument.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from psycopg import pq
from psycopg.conninfo import make_conninfo

from sessmig.databases.postgres_children import ended, running
from sessmig.databases.postgres_connecting import redacted
from sessmig.errors import BackupError

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_ONLY_HERE = ("client_encoding", "fallback_application_name", "replication", "sslkeylogfile", "service", "servicefile")
_PLACE = ("host", "hostaddr", "port", "user", "dbname")
_SERVICES = ("PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR")
"""A service stands above the environment: with one in it the programs would go to another server than we do."""
_WORDS = 20
"""How many of the last lines a program said are shown."""


def nothing_else() -> None:
    """Do nothing while a program runs."""


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
        self._environment, self._place, self._unsaid = _environment(parameters)

    def connection(self, name: str = "") -> str:
        """Return what stands in an argument: nothing secret.

        Args:
            name: by which the server shall know the session; the program's or the user's own, if empty.
        """
        return make_conninfo(**self._place, **({"application_name": name} if name else {}))

    def demand(self, label: str, server: int, *names: str) -> None:
        """Look whether they are there, and new enough for the server.

        Args:
            label: the database for people.
            server: the server's major version.
            names: which of them.

        Raises:
            BackupError: they are not.
        """
        if self._unsaid:
            raise BackupError(
                f"{label}: {self._unsaid[0]} cannot be handed to {names[0]} so that nobody sees it",
                remedy="Give a connection that does without.",
            )
        for name in names:
            found = self._version(name)
            if found < server:
                raise BackupError(
                    f"{label}: {self.find(name)} is of version {found}, and the server of version {server}: "
                    "it does not serve a newer server",
                    remedy=f"Install the client programs of PostgreSQL {server}, and name their folder (--pg-bin, "
                    "SESSMIG_PG_BIN).",
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
                remedy="Install the PostgreSQL client programs, or name their folder (--pg-bin, SESSMIG_PG_BIN).",
            )
        return found

    def _version(self, name: str) -> int:
        said = self.run(name, "--version")
        if (match := _VERSION.search(said)) is None:
            raise BackupError(
                f"{self.find(name)}: it does not tell its version: {said.strip()}",
                remedy="Name the folder of PostgreSQL's own client programs (--pg-bin, SESSMIG_PG_BIN).",
            )
        return int(match[1])

    def run(
        self, name: str, *arguments: str, connects: bool = False, meanwhile: Callable[[], None] = nothing_else
    ) -> str:
        """Run a program to its end and return what it printed.

        Args:
            name: the program.
            arguments: what it is told.
            connects: it needs the password.
            meanwhile: called now and then until its end; what it raises ends the program.

        Raises:
            BackupError: it failed; with its own words.
        """
        environment = self._connecting() if connects else os.environ
        with (
            tempfile.TemporaryFile() as words,
            running(
                [self.find(name), *arguments],
                environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=words,
            ) as process,
        ):
            said = ended(process, meanwhile)
            self._look(name, process, words)
        return said.decode(errors="replace")

    def pour(self, path: str, listed: str, before: str, *, name: str, meanwhile: Callable[[], None]) -> None:
        """Have psql run some SQL, and behind it what pg_restore makes of a dump, as one transaction.

        Its COMMIT is the last that pg_restore writes: where either of them ends before that, nothing stays.

        Args:
            path: the dump.
            listed: what of it is to be restored, as `pg_restore --list` prints it.
            before: the SQL that comes first.
            name: by which the server shall know the session.
            meanwhile: called now and then until the end; what it raises ends it.

        Raises:
            BackupError: it failed; with their own words.
        """
        writing = [self.find("pg_restore"), "--clean", "--if-exists", "--single-transaction", "--file=-"]
        reading = [self.find("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--no-password"]
        reading += [f"--dbname={self.connection(name)}"]
        with (
            tempfile.TemporaryDirectory(prefix="sessmig-") as folder,
            tempfile.TemporaryFile() as words,
            tempfile.TemporaryFile() as others,
        ):
            first, chosen = os.path.join(folder, "first.sql"), os.path.join(folder, "list")
            with open(first, "w", encoding="utf-8") as file:
                file.write(f"SET client_min_messages = warning;\nBEGIN;\n{before}\n")
            with open(chosen, "w", encoding="utf-8", errors="replace") as file:
                file.write(listed)
            writing += [f"--use-list={chosen}", path]
            reading += [f"--file={first}", "--file=-"]
            with running(
                writing, os.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=others
            ) as source:
                environment = {**self._connecting(), "PGCLIENTENCODING": "UTF8"}
                with running(
                    reading, environment, stdin=source.stdout, stdout=subprocess.DEVNULL, stderr=words
                ) as target:
                    if source.stdout:
                        source.stdout.close()  # else pg_restore would not learn that psql is gone
                        source.stdout = None
                    ended(target, meanwhile)
                    self._look("psql", target, words)
                source.wait()
                self._look("pg_restore", source, others)

    def _connecting(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in _SERVICES}
        return {**kept, **self._environment}

    def _look(self, name: str, process: subprocess.Popen[bytes], words: IO[bytes]) -> None:
        if process.returncode:
            words.seek(0)
            said = redacted(words.read().decode(errors="replace"), self._secrets)
            lines = said.strip().splitlines()[-_WORDS:]
            raise BackupError("\n    ".join(lines) or f"{name} ended with exit code {process.returncode}")


def _environment(parameters: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Sort the parameters of a connection: for the environment, for an argument, and secrets that neither can hold."""
    names = {option.keyword.decode(): option for option in pq.Conninfo.get_defaults()}
    environment, rest, unsaid = {}, {}, []
    for keyword, value in parameters.items():
        option = names.get(keyword)
        if keyword in _ONLY_HERE or option is None:
            continue
        if keyword in _PLACE:  # an argument stands above all else
            rest[keyword] = value
        elif option.envvar:
            environment[option.envvar.decode()] = value
        elif option.dispchar:  # a password, or what is for experts
            unsaid.append(keyword)
        else:
            rest[keyword] = value
    return environment, rest, unsaid
