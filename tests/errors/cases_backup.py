"""Errors of backups and restores. Knows cases only."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

from tests.errors.scene import FIRST, Call, Case, Place

_ONE = {"0001_people.sql": FIRST}


def _backup(place: Place) -> Path:
    return next(path for path in sorted(place.folder.glob("app.db.backup_*")) if not path.name.endswith(".sha256"))


def _renamed(name: str, *, with_seal: bool = False) -> Call:
    def move(place: Place) -> None:
        backup = _backup(place)
        shutil.copy(backup, place.folder / name)
        if with_seal:
            seal = (place.folder / f"{backup}.sha256").read_text().replace(backup.name, name)
            (place.folder / f"{name}.sha256").write_text(seal)

    return move


def _changed(place: Place) -> None:
    backup = _backup(place)
    backup.chmod(0o600)
    backup.write_bytes(backup.read_bytes() + b"\0")


def _copied(place: Place) -> None:
    shutil.copy(place.folder / "app.db", place.folder / "b.db")


def _unpacked_badly(place: Place) -> None:
    (place.folder / "other.db.backup_20261122_214051.gz").write_bytes(gzip.compress(b"x" * 4096)[:20])


CASES = (
    Case("There is no backup", (_ONE, "migrate", "restore")),
    Case("The backup is not there", (_ONE, "migrate", "restore nowhere.db")),
    Case("The backup is a folder", (_ONE, "migrate", "restore shop")),
    Case("The backup was changed since", (_ONE, "migrate", "backup", _changed, "restore")),
    Case(
        "The named backup was changed since",
        (_ONE, "migrate", "backup", _renamed("b.db", with_seal=True), {"./b.db": b"x"}, "restore b.db"),
    ),
    Case("Nothing is known of the file", (_ONE, {"./b.db": b"x"}, "migrate", "restore b.db")),
    Case(
        "It is no backup, but a hash",
        (_ONE, "migrate", "backup", _renamed("b.db", with_seal=True), "restore b.db.sha256"),
    ),
    Case(
        "It is the backup of another database",
        (
            _ONE,
            "migrate",
            "backup",
            "migrate --database other.db --no-backup",
            _renamed("b.db", with_seal=True),
            "restore b.db --database other.db",
        ),
    ),
    Case(
        "The backup was left open",
        (_ONE, "migrate", _copied, {"./b.db-wal": b"x" * 99}, "restore b.db --force"),
    ),
    Case("Not a SQLite database", (_ONE, {"./b.db": "no database\n" * 99}, "migrate", "restore b.db --force")),
    Case(
        "The packed backup is damaged",
        (_ONE, _unpacked_badly, "migrate", "restore other.db.backup_20261122_214051.gz --force"),
    ),
    Case("The folder for backups is not there", (_ONE, "migrate", "backup --backup-dir nowhere")),
    Case("backup: there is no database", (_ONE, "backup")),
)
