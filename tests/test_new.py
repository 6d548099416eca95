"""`new`: the files of a migration, numbered behind the last one of the series."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from sessmig import FileError, SessmigError, UsageError, ensure_migrations
from sessmig.new import new_migration
from tests.fixtures.files import WriteMigrations
from tests.fixtures.processes import AsNobody, Cli


def names(paths: Sequence[Path], folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in paths]


def refusal(folder: Path, name: str = "b") -> SessmigError:
    before = sorted(folder.rglob("*"))
    with pytest.raises(SessmigError) as refused:
        new_migration(folder, name)
    assert sorted(folder.rglob("*")) == before
    return refused.value


def test_the_first_migration_of_a_new_series_makes_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "sql" / "shop"
    assert names(new_migration(folder, "add_users"), folder) == ["0001_add_users.sql", "0001_add_users.verify.sql"]
    assert (folder / "0001_add_users.sql").read_text() == "-- Add users\n\n"


def test_the_number_follows_the_highest_and_is_as_wide(migrations: WriteMigrations) -> None:
    for series, last, expected in (
        ("four", "0034_m", "0035_b"),
        ("one", "9_m", "10_b"),
        ("three", "099_m", "100_b"),
        ("mixed", "0007_m", "0008_b"),
    ):
        files = {f"{last}.sql": "", **({"3_a.sql": ""} if series == "mixed" else {})}
        folder = migrations(files, series=series)
        assert names(new_migration(folder, "b"), folder) == [f"{expected}.sql", f"{expected}.verify.sql"]


def test_a_series_numbered_by_time_goes_on_so(migrations: WriteMigrations) -> None:
    folder = migrations({"20200101000000_a.sql": ""})
    made = new_migration(folder, "b")[0].name
    assert made > "20260101000000_b.sql"
    assert len(made) == len("20260101000000_b.sql")
    migrations({"29991231235959_c.sql": ""})
    assert new_migration(folder, "d")[0].name == "29991231235960_d.sql"


def test_each_dialect_folder_gets_both_files_of_one_number(migrations: WriteMigrations) -> None:
    folder = migrations({"sqlite/0033_a.sql": "", "postgres/0033_a.sql": "", "postgres/0034_c.sql": ""})
    assert names(new_migration(folder, "b"), folder) == [
        "sqlite/0035_b.sql",
        "sqlite/0035_b.verify.sql",
        "postgres/0035_b.sql",
        "postgres/0035_b.verify.sql",
    ]


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_a_dialect_folder_may_be_given_itself(dialect: str, migrations: WriteMigrations) -> None:
    folder = migrations({f"{dialect}/0001_a.sql": ""}) / dialect
    assert names(new_migration(folder, "b"), folder) == ["0002_b.sql", "0002_b.verify.sql"]


@pytest.mark.parametrize(
    "files", [{}, {".gitkeep": ""}, {"README.md": ""}, {"legacy/schema.sql": ""}, {"sqlite/.keep": ""}]
)
def test_an_empty_series_begins_with_the_first(files: dict[str, str], migrations: WriteMigrations) -> None:
    folder = migrations(files)
    assert new_migration(folder, "b")[0].name == "0001_b.sql"


def test_what_it_makes_runs_as_it_is(database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    new_migration(folder, "add_users")
    (step,) = ensure_migrations(database_url, folder).steps
    assert (step.name, step.description, step.statements, step.checks) == ("add_users", "Add users", (), ())


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("Add users!", "Try add_users."),
        ("add-users", "Try add_users."),
        ("", "Use a-z, 0-9, _."),
        ("é", "Use a-z, 0-9, _."),
    ],
)
def test_a_name_that_is_none_is_refused_with_a_better_one(name: str, remedy: str, tmp_path: Path) -> None:
    error = refusal(tmp_path, name)
    assert isinstance(error, UsageError)
    assert str(error) == f"not a migration's name: {name!r}\n{remedy}"


def test_a_folder_of_series_is_none_and_gets_no_file(cli: Cli, migrations: WriteMigrations) -> None:
    migrations({"0001_a.sql": ""})
    folder = migrations({"sqlite/0001_a.sql": ""}, series="users").parent
    assert str(refusal(folder)) == (
        f"{folder}: holds several series: shop, users\nChoose one, as in --dir {folder}/shop"
    )
    assert cli("new", "b").returncode == 2


def test_a_folder_that_is_no_series_is_refused(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": "", "0001_b.sql": ""})
    assert "a second file of version 1" in str(refusal(folder))
    folder = migrations({"old.sql": ""}, series="old")
    assert "the file's name is not understood" in str(refusal(folder))


def test_a_folder_that_cannot_be_written_to_is_named(migrations: WriteMigrations, as_nobody: AsNobody) -> None:
    folder = migrations({"0001_a.sql": ""})
    folder.chmod(0o555)
    told = as_nobody(lambda: str(refusal(folder)))
    assert told == f"{folder}/0002_b.sql: cannot be written: Permission denied"
    file = folder / "0001_a.sql"
    with pytest.raises(FileError) as refused:
        new_migration(file, "b")
    assert str(refused.value) == f"{file}: cannot be read: Not a directory\nGive a series folder (--dir)."


def test_the_command_prints_what_it_made(cli: Cli, tmp_path: Path) -> None:
    done = cli("new", "add_users", "--dir", "sql/shop")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "sql/shop/0001_add_users.sql\nsql/shop/0001_add_users.verify.sql\n"
    assert (tmp_path / "sql/shop/0001_add_users.verify.sql").is_file()
