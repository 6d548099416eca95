"""Finds the settings: options, then the environment, then `.env`, then pyproject.toml or sessmig.toml.

Knows names and places of settings; opens no database and reads no migration.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sessmig.errors import UsageError
from sessmig.labels import conninfo_label, url_label
from sessmig.naming import TABLE as TABLE
from sessmig.naming import WHEN, file_label, is_table

KEYS = ("database", "dir", "series", "table", "backup", "backup_dir", "keep", "pg_bin")
_FOLDERS = ("dir", "backup_dir", "pg_bin")
_POSTGRES = re.compile(r"postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
_CONNINFO = re.compile(r"\s*[a-z_]+\s*=", re.IGNORECASE)
_LIKE_SECRET = re.compile(r":.*@", re.DOTALL)
_HOSTS = re.compile(r"(?:\[[^]]*\]|[^:,\[]*)(?::\d*)?(?:,(?:\[[^]]*\]|[^:,\[]*)(?::\d*)?)*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to run what; a field that is None was set nowhere."""

    database: str | None = None
    dir: str | None = None
    series: str | None = None
    table: str | None = None
    backup: str | None = None
    backup_dir: str | None = None
    keep: str | None = None
    pg_bin: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A database URL, understood.

    Args:
        dialect: which database.
        target: for SQLite the file's path (`:memory:` for none), for PostgreSQL what libpq takes.
        label: the same for people: without password.
        secrets: what must reach no output.
    """

    dialect: str
    target: str
    label: str
    secrets: tuple[str, ...] = ()


def find_settings(
    options: Mapping[str, str | None], folder: Path, environ: Mapping[str, str] | None = None
) -> Settings:
    """Find every setting at its first place.

    Args:
        options: what the command line gave, by the names of `KEYS`; None where it gave nothing.
        folder: where `.env`, `sessmig.toml` and `pyproject.toml` are looked for.
        environ: the environment; the process's own, if None.

    Raises:
        UsageError: a settings file that cannot be read, or holds an unknown key.
    """
    environ = os.environ if environ is None else environ
    layers = [options, _from_environment(environ), _from_dotenv(folder), _from_toml(folder)]
    found = {key: next((v for layer in layers if (v := layer.get(key)) is not None), None) for key in KEYS}
    return Settings(**found)


def _from_environment(environ: Mapping[str, str | None]) -> dict[str, str | None]:
    found = {key: environ.get(f"SESSMIG_{key.upper()}") or None for key in KEYS}
    found["database"] = found["database"] or environ.get("DATABASE_URL") or None
    return found


def _from_dotenv(folder: Path) -> dict[str, str | None]:
    path = folder / ".env"
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        return _from_environment(dotenv_values(path, interpolate=False))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}", remedy="Save it as UTF-8, or take it away.") from None


def _from_toml(folder: Path) -> dict[str, str | None]:
    layers = []
    for name in ("sessmig.toml", "pyproject.toml"):
        path = folder / name
        if path.is_file():
            layer = _read_toml(path, whole=name == "sessmig.toml")
            if layer:
                layers.append((path, layer))
    if len(layers) > 1:
        raise UsageError(f"both {layers[0][0]} and {layers[1][0]} hold settings", remedy="Keep them in one file.")
    return dict(layers[0][1]) if layers else {}


def _read_toml(path: Path, *, whole: bool) -> dict[str, str | None]:
    import tomllib

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}", remedy="Mend it, or take it away.") from None
    tool = data.pop("tool", {})
    section = tool.get("sessmig", {}) if isinstance(tool, dict) else {}
    if not isinstance(section, dict):
        raise UsageError(f"{path}: tool.sessmig has to be a table", remedy="Write [tool.sessmig].")
    if whole:
        section = data | section
    for key, value in section.items():
        if key not in KEYS:
            raise UsageError(f"{path}: unknown setting {key!r}", remedy=f"Known are: {', '.join(KEYS)}.")
        if key == "keep" and isinstance(value, int) and not isinstance(value, bool):
            section[key] = str(value)
        elif not isinstance(value, str):
            raise UsageError(f"{path}: the setting {key!r} has to be a text", remedy=f'Write {key} = "..."')
    # A relative folder in the file is meant from the file's own place.
    for key in _FOLDERS:
        if key in section:
            section[key] = str(path.parent / section[key])
    return dict(section)


def check_table(name: str) -> str:
    """Return the ledger's table name, refusing what is not a plain identifier.

    Raises:
        UsageError: a name with other characters than letters, digits and _, or longer than 51.
    """
    if not is_table(name):
        raise UsageError(f"table {name!r}: not a table name", remedy="Letters, digits and _, 51 at most.")
    return name


def check_lock_wait(seconds: float) -> float:
    """Return how long to wait for the lock, refusing what is no time.

    Raises:
        UsageError: not a number, below zero, or without end.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
        raise UsageError(f"lock wait {seconds!r}: not a number of seconds", remedy="Give 0 or more.")
    return seconds


def check_keep(keep: int | str | None) -> int | None:
    """Return how many backups stay, refusing what is no such number; None keeps all.

    Raises:
        UsageError: not a whole number, or below 1: the last good one always stays.
    """
    if keep is None:
        return None
    number = int(keep) if isinstance(keep, str) and keep.isascii() and keep.isdigit() else keep
    if isinstance(number, str | bool) or not isinstance(number, int) or number < 1:
        raise UsageError(f"keep {keep!r}: not a number of backups", remedy="Give 1 or more.")
    return number


def check_when(when: str) -> Literal["auto", "always", "never"]:
    """Return when a run begins with a backup, refusing other words.

    Raises:
        UsageError: an unknown word.
    """
    for known in WHEN:
        if when == known:
            return known
    raise UsageError(f"backup {when!r} is not understood", remedy=f"Known are: {', '.join(WHEN)}.")


def read_address(database: str) -> Address:
    """Understand a database URL, a libpq connection string or a path.

    Args:
        database: `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://...`, `postgres://...`,
            `postgresql+psycopg://...`, `host=... dbname=...`, or a bare path of a SQLite file.

    Raises:
        UsageError: none of these.
    """
    if _POSTGRES.match(database):
        target = "postgresql://" + database.split("://", 1)[1]
        label, secrets = url_label(target)
        rest = target.split("://", 1)[1]
        # As libpq parts them: what stands before the first @ or / is the user's, if it is the @.
        credentials = re.match(r"[^@/]*@", rest)
        hosts = re.split(r"[?/]", rest[credentials.end() if credentials else 0 :])[0]
        is_broken = any(set(secret) & set("@/") for secret in secrets if f":{secret}@" in target)
        if is_broken or "@" in hosts:
            # libpq would take a piece of it for the host, and print it.
            what = "password" if is_broken else "user"
            raise UsageError(f"{label}: the {what} holds @ or /", remedy="Write %40 for @, %2F for /.")
        if not _HOSTS.fullmatch(hosts):
            # libpq would take a password without @ for the port, and print it.
            shown = f"{label[: label.rindex('@') + 1] if credentials else 'postgresql://'}{hosts.partition(':')[0]}"
            raise UsageError(f"{shown}:...: what stands behind the colon is no port", remedy=_FORMS)
        return Address("postgres", target, label, secrets)
    if _CONNINFO.match(database):
        return Address("postgres", database, *conninfo_label(database))
    match = re.fullmatch(r"sqlite(?:\+\w+)?://(?:/(.*))?", database, re.IGNORECASE | re.DOTALL)
    if match is None and ("://" in database or re.match(r"(?:sqlite|postgres|postgresql|file):", database)):
        label = url_label(database)[0] if "://" in database else database.partition(":")[0] + ":..."
        raise UsageError(f"not a database URL: {label}", remedy=_FORMS)
    if match is None and _LIKE_SECRET.search(database):
        label = _LIKE_SECRET.sub(":***@", database)
        raise UsageError(f"neither a database URL nor a path: {label}", remedy=_FORMS)
    # `sqlite://` is a database in memory; `sqlite:///` is one whose name a script has left empty.
    path = database if match is None else ":memory:" if match[1] is None else match[1]
    if not path or "\0" in path:
        raise UsageError("the database has no name", remedy=_FORMS)
    if match and "?" in path:
        raise UsageError(f"{database}: options behind ? are not understood", remedy="Give the path alone.")
    return Address("sqlite", path, path if path == ":memory:" else file_label(path))


_FORMS = "Write sqlite:///relative.db, sqlite:////absolute.db, postgresql://user@host/name, or a path."
