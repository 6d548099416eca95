"""What names mean: those of migration files, of the folders of a series, of the ledger's table, of a database file.

Knows words only, and reads no folder. A start with nothing pending imports it, so it imports nothing itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

DIALECTS: tuple[Literal["sqlite", "postgres"], ...] = ("sqlite", "postgres")
LEGACY = "legacy"
"""The series of the rows that were taken over from an older system's table; and the folder with its tables."""
TABLE = "schema_migrations"
APPLIED = ("success", "baseline")
"""The statuses of what stands."""
PENDING = ("apply", "error")
AHEAD = ("error", "ok")
WHEN: tuple[Literal["auto", "always", "never"], ...] = ("auto", "always", "never")
"""The words that the options `pending`, `ahead` and `backup` take."""
INTERRUPTED = 130
"""The exit code after Ctrl-C."""
GRAMMAR = "VERSION_name[.rollback][.verify].sql, with VERSION in digits and name in a-z, 0-9 and _"

Kind = tuple[int, bool, bool]
"""Version, is rollback, is verify: what a series has one file of."""
Named = tuple[str, str, str]
"""A file's name; the version's digits in it, and the migration's name."""


def is_sql(file: str) -> bool:
    """Tell whether a file is meant to be SQL."""
    return file.lower().endswith(".sql")


def read_name(file: str) -> tuple[Kind, Named] | None:
    """Read a file's name; None if it is not as `GRAMMAR` says."""
    stem, is_named = file.removesuffix(".sql"), file.endswith(".sql")
    before, is_verify = stem.removesuffix(".verify"), stem.endswith(".verify")
    before, is_rollback = before.removesuffix(".rollback"), before.endswith(".rollback")
    label, _, name = before.partition("_")
    if not (is_named and before.isascii() and label.isdigit() and len(label) <= 18):
        return None
    # By hand, as the regular expressions' own module is a third of such a start.
    if not name.replace("_", "0").isalnum() or name != name.lower():
        return None
    return (int(label), is_rollback, is_verify), (file, label, name)


def missing_partner(files: Mapping[Kind, Named], kind: Kind) -> str:
    """Return the name of the file that this one cannot be without, where it is not there."""
    version, is_rollback, is_verify = kind
    _, label, name = files[kind]
    main = files.get((version, False, False))
    if main is None or main[0] != f"{label}_{name}.sql":
        return f"{label}_{name}.sql"
    if is_rollback and is_verify and (version, True, False) not in files:
        return f"{label}_{name}.rollback.sql"
    return ""


def is_series(name: str) -> bool:
    """Tell whether a series may have this name; half a character, as in a name that is no UTF-8, is not printable."""
    return name.isprintable() and name != LEGACY


def is_table(name: str) -> bool:
    """Tell whether the ledger may have this name: then it stands in SQL as it is, and leaves room for `_log` behind."""
    return name.isascii() and name.isidentifier() and len(name) <= 51


def file_label(path: str) -> str:
    """Return how a SQLite file is named to people."""
    return f"sqlite:///{path}"
