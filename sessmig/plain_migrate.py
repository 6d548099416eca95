"""Understands a plain `sessmig migrate` by hand; whatever else is asked for, the command line's own reader reads.

Knows the few options that most starts have, and where settings may stand; reads none of those but the environment.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_OPTIONS = {"-d": "database", "--database": "database", "--db": "database", "--dir": "directory"}
_STEERING = ("SESSMIG_SERIES", "SESSMIG_TABLE", "SESSMIG_BACKUP", "SESSMIG_KEEP", "_SESSMIG_COMPLETE")
"""What else the environment may say of a run with nothing to do."""


class Plain:
    """What a plain `sessmig migrate` asks for.

    Args:
        database: a URL or path.
        directory: the series folder.
        quiet: only the last line is to be printed.
        visible: the database stands in the process list; of a password in it a warning has to be given.
    """

    def __init__(self, database: str, directory: str, *, quiet: bool, visible: bool) -> None:
        self.database = database
        self.directory = directory
        self.quiet = quiet
        self.visible = visible


def read_plain(arguments: Sequence[str]) -> Plain | None:
    """Return what is asked for; None where it takes more to tell."""
    if list(arguments[:1]) != ["migrate"] or any(map(os.environ.get, _STEERING)) or not _is_bare():
        return None
    given: dict[str, str] = {}
    quiet, rest = False, list(arguments[1:])
    while rest:
        option = rest.pop(0)
        if option in ("-q", "--quiet"):
            quiet = True
            continue
        name = _OPTIONS.get(option)
        if name is None or name in given or not rest or rest[0][:1] in ("", "-"):
            return None
        given[name] = rest.pop(0)
    database = given.get("database") or os.environ.get("SESSMIG_DATABASE") or os.environ.get("DATABASE_URL")
    directory = given.get("directory") or os.environ.get("SESSMIG_DIR") or "sql"
    return Plain(database, directory, quiet=quiet, visible="database" in given) if database else None


def _is_bare() -> bool:
    """Tell whether no file in the working directory may hold settings.

    A pyproject.toml that does not speak of sessmig is not read as TOML; a name in it may be written with escapes.
    """
    try:
        os.getcwd()
        if os.path.exists(".env") or os.path.exists("sessmig.toml"):
            return False
        if not os.path.exists("pyproject.toml"):
            return True
        with open("pyproject.toml", "rb") as file:
            data = file.read()
    except OSError:
        return False
    return b"sessmig" not in data and b"\\u" not in data.lower()
