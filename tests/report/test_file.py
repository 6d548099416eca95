"""`-o FILE`: written whole or not at all, by the umask, through no link, and never over what is no report."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from sessmig import FileError
from sessmig.output_file import write_file
from tests.fixtures.files import WriteMigrations
from tests.fixtures.processes import AsNobody, Cli
from tests.report.shop import FILES
from tests.run.doing import migrate


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_its_mode_is_what_the_umask_leaves(tmp_path: Path, umask: int, mode: int) -> None:
    path = tmp_path / "report.html"
    path.write_text("older")
    path.chmod(0o666)
    before = os.umask(umask)
    try:
        write_file(str(path), "newer")
    finally:
        os.umask(before)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("newer", mode)


def test_an_older_report_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert write_file(str(path), "older") == 5
    assert write_file(str(path), "é") == 2
    assert (path.read_bytes(), os.listdir(tmp_path)) == ("é".encode(), ["report.html"])


def test_a_bare_name_is_written_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_file("report.md", "x")
    assert os.listdir(tmp_path) == ["report.md"]


@pytest.mark.parametrize("is_there", [True, False], ids=["to a file", "to nothing"])
def test_a_symbolic_link_is_refused_and_not_followed(tmp_path: Path, is_there: bool) -> None:
    precious, link = tmp_path / "precious", tmp_path / "report.html"
    if is_there:
        precious.write_text("mine")
    link.symlink_to(precious)
    with pytest.raises(FileError, match="is a symbolic link, and none is followed"):
        write_file(str(link), "report")
    assert (link.is_symlink(), precious.exists()) == (True, is_there)
    assert not is_there or precious.read_text() == "mine"


def test_a_folder_is_refused_with_a_file_in_it_as_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        write_file(str(tmp_path), "report")
    assert (caught.value.what, caught.value.remedy) == (
        f"{tmp_path}: is a folder",
        f"Give a file in it: -o {tmp_path / 'report.html'}",
    )
    assert os.listdir(tmp_path) == []


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="is no ordinary file"):
        write_file(str(tmp_path / "pipe"), "report")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_folder_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        write_file(str(tmp_path / "none" / "report.html"), "report")
    assert caught.value.what == f"{tmp_path / 'none' / 'report.html'}: there is no folder {tmp_path / 'none'}"
    assert not (tmp_path / "none").exists()


def test_the_database_itself_is_not_written_over(sqlite_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder, path = migrations(FILES), Path(sqlite_url.removeprefix("sqlite:///"))
    migrate(sqlite_url, folder)
    before = path.read_bytes()
    done = cli("report", "--format", "text", "-o", path, "-d", sqlite_url, "--dir", folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"{path}: is a database, and not written over",
        "Give another file to -o.",
    ]
    assert path.read_bytes() == before


def test_a_folder_that_may_not_be_written_leaves_the_older_report(tmp_path: Path, as_nobody: AsNobody) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "report.html").write_text("older")
    place.chmod(0o555)

    def write() -> str:
        try:
            write_file(str(place / "report.html"), "newer")
        except FileError as error:
            return error.what
        return ""

    try:
        assert as_nobody(write) == f"{place / 'report.html'}: cannot be written: Permission denied"
    finally:
        place.chmod(0o755)
    assert ((place / "report.html").read_text(), os.listdir(place)) == ("older", ["report.html"])


def test_who_reads_meanwhile_finds_the_older_report_or_the_newer_one_whole(tmp_path: Path) -> None:
    path, found = tmp_path / "report.html", set[str]()
    write_file(str(path), "0" * 100_000)
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            text = path.read_text()
            found.add(f"{len(text)} {len(set(text))}")

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(50):
        write_file(str(path), str(number % 10) * 100_000)
    done.set()
    reader.join()
    assert found == {"100000 1"}


def test_half_a_character_in_a_name_is_written_as_an_escape(tmp_path: Path) -> None:
    write_file(str(tmp_path / "a"), "\ud83d!")
    assert (tmp_path / "a").read_text() == "\\ud83d!"
