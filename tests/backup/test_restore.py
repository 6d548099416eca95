"""Going back to a backup, on both databases: which is taken, what is refused, what the database holds afterwards."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backup.yard import Yard
from tests.fixtures.files import WriteMigrations

CHANGES = "DELETE FROM people WHERE id > 5; INSERT INTO people (id, name) VALUES (99, 'late')"


def _restore(yard: Yard, *arguments: str | Path) -> str:
    return yard.done("restore", "--yes", *arguments)


@pytest.mark.parametrize("options", [(), ("--gzip",)], ids=["plain", "gzip"])
@pytest.mark.parametrize("named", [False, True], ids=["newest", "named"])
def test_restore_gives_a_database_equal_in_schema_and_rows(yard: Yard, options: tuple[str, ...], named: bool) -> None:
    yard.done("migrate", "--no-backup")
    before = yard.state()
    backup = yard.backup(*options)
    yard.probe.execute(CHANGES)
    yard.probe.execute("DROP TABLE pets")
    told = _restore(yard, *([backup] if named else []))
    assert told.startswith(f"restored {yard.url} from {backup}, ")
    assert yard.state() == before


def test_the_backup_that_a_run_made_brings_back_what_was_before_it_and_the_run_can_be_repeated(yard: Yard) -> None:
    before = yard.state()
    yard.done("migrate", "--backup")
    after = yard.state()
    _restore(yard)
    if "pets" in yard.probe.tables():  # PostgreSQL: what the dump does not know stands beside
        yard.probe.execute("DROP TABLE pets")
    assert yard.state() == before
    assert "1 pending" in yard.done("status")
    yard.done("migrate", "--no-backup")
    assert yard.state() == after


def test_the_newest_that_is_whole_is_taken_and_what_was_passed_over_is_named(yard: Yard) -> None:
    good = yard.backup()
    truncated, unknown, foreign = (yard.backup() for _ in range(3))
    truncated.write_bytes(truncated.read_bytes()[:-100])
    unknown.with_name(f"{unknown.name}.sha256").unlink()
    seal = foreign.with_name(f"{foreign.name}.sha256")
    digest = seal.read_text().splitlines()[0]
    seal.write_text(f"{digest}\n# backup of another:elsewhere\n")
    told = _restore(yard)
    assert told.splitlines()[2:5] == [
        f"  passed over {foreign}: it is of another database: another:elsewhere",
        f"  passed over {unknown}: nothing is known of it",
        f"  passed over {truncated}: it is not what it was when it was made",
    ]
    assert told.startswith(f"restored {yard.url} from {good}, ")


def test_a_restore_is_logged_in_the_restored_database(yard: Yard) -> None:
    yard.done("migrate", "--no-backup")
    backup = yard.backup()
    _restore(yard)
    ((outcome, detail),) = yard.logged("restore")
    assert (outcome, detail["path"]) == ("success", str(backup))
    assert detail["sha256"] in backup.with_name(f"{backup.name}.sha256").read_text()


def test_the_json_of_a_restore_names_what_was_taken(yard: Yard) -> None:
    backup = yard.backup()
    restored = json.loads(_restore(yard, "--json"))["restored"]
    assert restored["path"] == str(backup)
    assert restored["size"] == backup.stat().st_size


def _tampered(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("spoil", [_tampered, _truncated])
@pytest.mark.parametrize("options", [(), ("--gzip",)], ids=["plain", "gzip"])
@pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "force"])
def test_a_backup_that_is_not_what_it_was_is_refused_also_by_force(
    yard: Yard, spoil: Callable[[Path], None], options: tuple[str, ...], force: tuple[str, ...]
) -> None:
    backup = yard.backup(*options)
    spoil(backup)
    yard.probe.execute(CHANGES)
    now = yard.state()
    ended = yard.run("restore", "--yes", backup, *force)
    assert ended.returncode == 1
    assert f"{backup}: the backup is not what it was: its SHA-256 is " in ended.stderr
    assert "Nothing was touched.\nIt was truncated or changed since. Give another one" in ended.stderr
    assert yard.state() == now
    assert yard.run("restore", "--yes").stderr.startswith(
        f"{yard.folder}: there is no backup of {backup.name.partition('.backup_')[0]} that could be restored\n"
        f"    {backup}: it is not what it was when it was made\nNothing was touched.\n"
    )
    assert yard.state() == now


@pytest.mark.parametrize("options", [(), ("--gzip",)], ids=["plain", "gzip"])
def test_a_file_whose_hash_nobody_knows_is_restored_by_force_alone(yard: Yard, options: tuple[str, ...]) -> None:
    before = yard.state()
    backup = yard.backup(*options)
    backup.with_name(f"{backup.name}.sha256").unlink()
    yard.probe.execute(CHANGES)
    now = yard.state()
    ended = yard.run("restore", "--yes", backup)
    assert ended.returncode == 1
    assert (
        f"{backup}: nothing is known of this file: neither {backup.name}.sha256 beside it nor the log has its hash\n"
        "Nothing was touched.\n"
        "If you know that it is a whole backup of this database, give --force: that it is the one that was made, or "
        "that nothing of it is missing, cannot be told then.\n"
    ) == ended.stderr
    assert yard.state() == now
    _restore(yard, backup, "--force")
    assert yard.state() == before


def test_a_file_whose_hash_is_in_the_log_needs_no_seal(yard: Yard, tmp_path: Path) -> None:
    yard.done("migrate", "--no-backup")
    backup = yard.backup()
    copied = tmp_path / "copied"
    shutil.copy(backup, copied)
    _restore(yard, copied)


@pytest.mark.parametrize("options", [(), ("--gzip",)], ids=["plain", "gzip"])
def test_a_truncated_file_is_refused_also_where_its_hash_is_not_known(yard: Yard, options: tuple[str, ...]) -> None:
    backup = yard.backup(*options)
    backup.with_name(f"{backup.name}.sha256").unlink()
    backup.write_bytes(backup.read_bytes()[: -min(5000, backup.stat().st_size // 3)])
    yard.probe.execute(CHANGES)
    now = yard.state()
    ended = yard.run("restore", "--yes", backup, "--force")
    assert ended.returncode == 1
    assert f"{backup}: the backup is damaged" in ended.stderr
    assert "Nothing was touched.\nGive another one." in ended.stderr
    assert yard.state() == now


@pytest.mark.parametrize(
    "content",
    [b"", b"hello, this is no database at all\n", gzip.compress(b"neither is this", mtime=0)],
    ids=["empty", "text", "gzip"],
)
def test_what_is_no_backup_at_all_is_refused_also_by_force(yard: Yard, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(content)
    now = yard.state()
    assert f"{file}: nothing is known of this file" in yard.run("restore", "--yes", file).stderr
    ended = yard.run("restore", "--yes", file, "--force")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{file}: not a ")
    assert ended.stderr.endswith("\nNothing was touched.\nGive a backup of this database.\n")
    assert yard.state() == now


def test_a_backup_of_the_other_kind_of_database_is_refused(
    sqlite_yard: Yard, postgres_url: str, programs: dict[str, str], migrations: WriteMigrations
) -> None:
    other = Yard(postgres_url, sqlite_yard.series, sqlite_yard.folder, sqlite_yard.cli, sqlite_yard.probes, programs)
    dump, copy = other.backup(), sqlite_yard.backup()
    now = sqlite_yard.state()
    for yard, backup in ((sqlite_yard, dump), (other, copy)):
        told = yard.run("restore", "--yes", backup)
        assert (told.returncode, "it is the backup of another database: " in told.stderr) == (1, True)
    told = sqlite_yard.run("restore", "--force", dump)
    assert (told.returncode, told.stderr) == (
        1, f"{dump}: not a SQLite database\nNothing was touched.\nGive a backup of this database.\n",
    )  # fmt: skip
    told = other.run("restore", "--yes", "--force", copy)
    assert (told.returncode, told.stderr) == (
        1, f"{copy}: not a dump of pg_dump -Fc\nNothing was touched.\nGive a backup of this database.\n",
    )  # fmt: skip
    assert sqlite_yard.state() == now
    assert other.probe.tables() == set()


def test_without_a_backup_it_says_where_it_looked(yard: Yard) -> None:
    ended = yard.run("restore", "--yes")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{yard.folder}: there is no backup of ")
    assert ended.stderr.endswith("Nothing was touched.\nName the file, or its folder (--backup-dir).\n")


def test_a_file_that_is_not_there_is_named(yard: Yard, tmp_path: Path) -> None:
    ended = yard.run("restore", "--yes", tmp_path / "nowhere")
    assert (ended.returncode, ended.stderr.splitlines()[0]) == (1, f"{tmp_path / 'nowhere'}: no such file")
