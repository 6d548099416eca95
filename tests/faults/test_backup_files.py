"""Backups among hostile files: no link is followed, no folder left, and nobody else may read what was made."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.hostile import Ended, held, run, write
from tests.fixtures.probe import Probe, SqliteProbe

Probes = Callable[[str], Probe]

FILES = {"0001_people.sql": "CREATE TABLE people (id INTEGER PRIMARY KEY);\nINSERT INTO people VALUES (1);\n"}


class Yard:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "app.db"
        self.series = write(folder / "shop", FILES)
        held(self.run("migrate"), 0)

    def run(self, command: str, *more: str | Path) -> Ended:
        return run(command, *more, "--db", self.database, "--dir", self.series)

    @property
    def backups(self) -> list[Path]:
        return sorted(self.folder.glob("app.db.backup_*"))


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
@pytest.mark.parametrize("packed", [(), ("--gzip",)], ids=["plain", "gzip"])
def test_a_backup_and_its_seal_are_for_their_owner_alone_whatever_the_umask(
    umask: int, packed: tuple[str, ...], yard: Yard
) -> None:
    before = os.umask(umask)
    try:
        held(yard.run("backup", *packed), 0)
    finally:
        os.umask(before)
    made = yard.backups
    assert len(made) == 2
    # A umask can only take rights away.
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600 & ~umask}


def test_restore_follows_no_link_that_is_named(yard: Yard) -> None:
    held(yard.run("backup"), 0)
    link = yard.folder / "newest"
    link.symlink_to(yard.backups[0])
    before = yard.database.read_bytes()
    ended = held(yard.run("restore", "--yes", link), 1)
    assert ended.err == (
        f"{link}: is a symbolic link, and none is followed\nNothing was touched.\n"
        f"Give the file itself: {yard.backups[0]}\n"
    )
    assert yard.database.read_bytes() == before


def test_restore_passes_over_links_and_links_of_seals_in_the_folder(yard: Yard, tmp_path: Path) -> None:
    held(yard.run("backup"), 0)
    (good,) = (path for path in yard.backups if path.suffix != ".sha256")
    newer = yard.folder / "app.db.backup_29990101_000000"
    newer.symlink_to(good)
    other = yard.folder / "app.db.backup_29990101_000001"
    other.write_bytes(good.read_bytes())
    elsewhere = tmp_path / "seal"
    elsewhere.write_text(good.with_name(f"{good.name}.sha256").read_text().replace(good.name, other.name))
    other.with_name(f"{other.name}.sha256").symlink_to(elsewhere)
    ended = held(yard.run("restore", "--yes"), 0)
    assert f"restored sqlite:///{yard.database} from {good}, " in ended.out
    assert f"passed over {newer}: it is a symbolic link" in ended.out
    assert f"passed over {other}: nothing is known of it" in ended.out


def test_pruning_removes_no_link_and_nothing_behind_one(yard: Yard, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    link = yard.folder / "app.db.backup_20000101_000000"
    link.symlink_to(precious)
    for _ in range(3):
        held(yard.run("backup", "--keep", "1"), 0)
    assert precious.read_text() == "mine"
    assert link.is_symlink()


def test_what_is_half_written_is_made_anew_and_never_through_a_link(yard: Yard, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for number in range(60):
        for ending in (".partial", ".sha256.partial"):
            (yard.folder / f"app.db.backup_29990101_0000{number:02}{ending}").symlink_to(precious)
    held(yard.run("backup"), 0)
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("name", ["../app.db", "/etc/passwd", "..", "app.db\\n"])
def test_a_seal_that_names_another_file_says_nothing_of_this_one(name: str, yard: Yard) -> None:
    held(yard.run("backup"), 0)
    (good,) = (path for path in yard.backups if path.suffix != ".sha256")
    seal = good.with_name(f"{good.name}.sha256")
    seal.write_text(seal.read_text().replace(good.name, name))
    with_log = held(yard.run("restore", "--yes"), 1)
    assert "there is no backup of app.db that could be restored" in with_log.err
    assert SqliteProbe(yard.database).value("SELECT count(*) FROM people") == 1


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "empty", "text", "cut"])
def test_restore_refuses_what_is_no_backup_and_touches_nothing(kind: str, yard: Yard) -> None:
    held(yard.run("backup"), 0)
    (good,) = (path for path in yard.backups if path.suffix != ".sha256")
    odd = yard.folder / "odd"
    match kind:
        case "pipe":
            os.mkfifo(odd)
        case "folder":
            odd.mkdir()
        case "device":
            odd = Path("/dev/null")
        case "cut":
            odd.write_bytes(good.read_bytes()[:-1000])
        case _:
            odd.write_text("" if kind == "empty" else "DROP TABLE people;\n")
    ended = held(yard.run("restore", "--yes", "--force", odd), 1)
    assert str(odd) in ended.err
    assert "Nothing was touched.\n" in ended.err
    assert SqliteProbe(yard.database).value("SELECT count(*) FROM people") == 1
