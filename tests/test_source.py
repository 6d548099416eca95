"""Files, folders and their names: what is a series, and every refusal of what is none."""

from pathlib import Path

import pytest

from sessmig import FileError, SessmigError, UsageError, ensure_migrations
from sessmig.files import read_bytes
from sessmig.model import DIALECTS, Dialect
from sessmig.source import GRAMMAR, Series, discover
from tests.fixtures.files import WriteMigrations
from tests.fixtures.processes import AsNobody, Cli

A = "CREATE TABLE a (x INTEGER);\n"


def found(folder: Path, dialect: Dialect = "sqlite", series: str | None = None) -> Series:
    return discover(folder, dialect, series=series)


def refusal(folder: Path, dialect: Dialect = "sqlite") -> SessmigError:
    with pytest.raises(SessmigError) as refused:
        discover(folder, dialect)
    return refused.value


def test_a_migration_is_found_with_its_three_pair_files(migrations: WriteMigrations) -> None:
    pairs = ("", ".verify", ".rollback", ".rollback.verify")
    folder = migrations({f"0034_merge{pair}.sql": A for pair in pairs})
    (migration,) = found(folder).migrations
    assert (migration.version, migration.label, migration.name, migration.series) == (34, "0034", "merge", "shop")
    assert [migration.path, migration.verify, migration.rollback, migration.rollback_verify] == [
        folder / f"0034_merge{pair}.sql" for pair in pairs
    ]


def test_versions_are_compared_as_numbers(migrations: WriteMigrations) -> None:
    folder = migrations({"9_i.sql": A, "0010_x.sql": A, "20260131025202_t.sql": A, "0_zero.sql": A})
    assert [m.version for m in found(folder).migrations] == [0, 9, 10, 20260131025202]


@pytest.mark.parametrize(
    "name",
    [
        "a.sql",
        "0001.sql",
        "0001_.sql",
        "0001-a.sql",
        "0001_A.sql",
        "0001_a b.sql",
        "0001_ä.sql",
        "٣_a.sql",  # a digit, but no decimal one of ASCII
        "V1__a.sql",
        "0001_a.up.sql",
        "0001_a.verify.rollback.sql",
        "0001_a.Verify.sql",
        "0001_a.SQL",
        "0001_a.Sql",
        ".sql",
        "-1_a.sql",
        "1234567890123456789_too_long.sql",
    ],
)
def test_any_other_sql_file_is_refused_with_the_grammar(name: str, migrations: WriteMigrations) -> None:
    folder = migrations({"0002_b.sql": A, name: A})
    assert str(refusal(folder)) == f"{folder / name}: the file's name is not understood\nIt has to be {GRAMMAR}."


def test_files_that_are_no_sql_may_stand_beside(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": A, "README.md": "-", "0001_a.sql.orig": "-", ".keep": ""})
    assert [m.title for m in found(folder).migrations] == ["0001_a"]


@pytest.mark.parametrize(("one", "other"), [("0034_a.sql", "0034_b.sql"), ("0034_a.sql", "34_b.sql")])
def test_two_files_of_one_version_are_refused(one: str, other: str, migrations: WriteMigrations) -> None:
    folder = migrations({one: A, other: A})
    assert str(refusal(folder)) == (
        f"{folder / other}: a second file of version 34, beside {one}\nGive one of them another version."
    )


@pytest.mark.parametrize(
    "pair", ["0002_b.verify.sql", "0002_b.rollback.sql", "0001_other.verify.sql", "1_a.verify.sql"]
)
def test_a_pair_file_without_its_migration_is_refused(pair: str, migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": A, pair: A})
    needed = pair.split(".")[0] + ".sql"
    assert str(refusal(folder)) == f"{folder / pair}: there is no migration to this file\nIt needs {needed}."


def test_a_verify_file_of_a_rollback_needs_the_rollback(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": A, "0001_a.rollback.verify.sql": ""})
    assert str(refusal(folder)) == (
        f"{folder}/0001_a.rollback.verify.sql: there is no rollback to this file\nIt needs 0001_a.rollback.sql."
    )


def test_a_folder_named_like_a_migration_is_refused(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": A, "0002_x.sql/kept.txt": ""})
    assert str(refusal(folder)) == (
        f"{folder}/0002_x.sql: a folder that does not belong into a series\n"
        "Only sqlite/, postgres/, legacy/ may stand here."
    )


@pytest.mark.parametrize("other", ["old", "mysql", "Sqlite", ".hidden"])
def test_other_folders_are_refused(other: str, migrations: WriteMigrations) -> None:
    for files in ({"0001_a.sql": A}, {"sqlite/0001_a.sql": A}):
        folder = migrations(
            {**files, f"{other}/note.txt": ""}, series="split" if "sqlite/0001_a.sql" in files else "flat"
        )
        assert refusal(folder).what == f"{folder / other}: a folder that does not belong into a series"


def test_no_folder_may_stand_in_a_dialect_folder(migrations: WriteMigrations) -> None:
    folder = migrations({"sqlite/0001_a.sql": A, "sqlite/legacy/schema.sql": A})
    for given in (folder, folder / "sqlite"):
        assert str(refusal(given)) == (
            f"{folder}/sqlite/legacy: a folder that does not belong into a series\nNo folder may stand here."
        )


def test_legacy_schemas_are_no_migrations(migrations: WriteMigrations) -> None:
    for files in ({"0001_a.sql": A}, {"sqlite/0001_a.sql": A}):
        folder = migrations(
            {**files, "legacy/anything at all.SQL": "nonsense"},
            series="split" if "sqlite/0001_a.sql" in files else "flat",
        )
        assert [m.title for m in found(folder).migrations] == ["0001_a"]


def test_flat_files_beside_dialect_folders_are_refused(migrations: WriteMigrations) -> None:
    folder = migrations({"sqlite/0001_a.sql": A, "postgres/0001_a.sql": A, "0002_b.sql": A})
    for dialect in DIALECTS:
        assert str(refusal(folder, dialect)) == (
            f"{folder}/0002_b.sql: stands beside the folder sqlite/\n"
            "With dialect folders, every migration stands in one of them."
        )


def test_each_database_runs_its_own_dialect_folder(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations({"sqlite/0001_lite.sql": A, "postgres/0001_elephant.sql": A})
    (step,) = ensure_migrations(database_url, folder).steps
    assert step.name == ("lite" if database_url.startswith("sqlite") else "elephant")


def test_a_folder_with_only_the_other_dialect_says_so(database_url: str, cli: Cli, migrations: WriteMigrations) -> None:
    own, other = ("sqlite", "postgres") if database_url.startswith("sqlite") else ("postgres", "sqlite")
    folder = migrations({f"{other}/0001_a.sql": A})
    done = cli("migrate", "-d", database_url, "--dir", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"{folder}: there are migrations for {other} only, the database is {own}\nWrite them into {folder / own}.\n"
    )
    done = cli("migrate", "-d", database_url, "--dir", folder / other)
    assert done.returncode == 2
    assert done.stderr == (
        f"{folder / other}: these migrations are for {other}, the database is {own}\nGive the series folder.\n"
    )


def test_the_series_is_named_after_its_folder(
    migrations: WriteMigrations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = migrations({"sqlite/0001_a.sql": A})
    assert found(folder).name == "shop"
    assert found(folder, series="store").name == "store"
    assert [m.series for m in found(folder, series="store").migrations] == ["store"]
    monkeypatch.chdir(folder)
    assert found(Path(".")).name == "shop"
    assert found(Path("sqlite/../")).name == "shop"


def test_the_dialect_folder_may_be_given_and_the_series_bears_its_parents_name(
    migrations: WriteMigrations, tmp_path: Path
) -> None:
    folder = migrations({"sqlite/0001_a.sql": A, "postgres/0001_b.sql": A})
    for dialect in DIALECTS:
        assert found(folder / dialect, dialect) == found(folder, dialect)
    assert found(folder / "sqlite").name == "shop"


def test_no_series_may_be_named_legacy(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": A}, series="legacy")
    assert (
        str(refusal(folder)) == f"{folder}: a series cannot be named legacy\nRename the folder, or give --series NAME."
    )
    assert found(folder, series="old").name == "old"


def test_a_folder_of_several_series_lists_them(database_url: str, cli: Cli, migrations: WriteMigrations) -> None:
    migrations({"0001_a.sql": A}, series="users")
    migrations({"sqlite/0001_a.sql": A}, series="shop")
    migrations({"0001_a.sql": A}, series="legacy")
    folder = migrations({"notes.txt": ""}, series="empty").parent
    done = cli("status", "-d", database_url)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sql: holds several series: shop, users\nChoose one, as in --dir sql/shop\n"
    with pytest.raises(UsageError) as refused:
        ensure_migrations(database_url, folder)
    assert refused.value.what == f"{folder}: holds several series: shop, users"


def test_a_folder_of_one_series_names_it(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": A}).parent
    assert str(refusal(folder)) == f"{folder}: holds one series: shop\nGive --dir {folder}/shop"


@pytest.mark.parametrize("files", [{}, {"README.md": ""}, {"legacy/schema.sql": ""}, {"sqlite/.keep": ""}])
def test_a_folder_without_migrations_is_refused(files: dict[str, str], migrations: WriteMigrations) -> None:
    folder = migrations(files)
    inner = folder / "sqlite" if "sqlite/.keep" in files else folder
    error = refusal(folder)
    assert isinstance(error, UsageError)
    assert str(error) == f"{inner}: no migrations here\nA migration is a file named {GRAMMAR}."


def test_a_folder_that_is_not_there_is_refused(database_url: str, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a_file").write_text("")
    for missing in (tmp_path / "nowhere", tmp_path / "a_file"):
        done = cli("migrate", "-d", database_url, "--dir", missing)
        what = "is a file" if missing.exists() else "no such folder"
        assert (done.returncode, done.stderr) == (2, f"{missing}: {what}\nGive the series folder.\n")


def test_a_file_that_may_not_be_read_is_named(migrations: WriteMigrations, as_nobody: AsNobody) -> None:
    folder = migrations({"0001_a.sql": A, "0002_b.sql": A})
    (folder / "0002_b.sql").chmod(0o200)
    assert as_nobody(lambda: str(refusal(folder))) == f"{folder}/0002_b.sql: cannot be read: Permission denied"


def test_a_folder_that_may_not_be_read_is_named(migrations: WriteMigrations, as_nobody: AsNobody) -> None:
    folder = migrations({"sqlite/0001_a.sql": A})
    (folder / "sqlite").chmod(0o000)
    assert as_nobody(lambda: str(refusal(folder))) == f"{folder}/sqlite: cannot be read: Permission denied"
    folder.chmod(0o000)
    told = as_nobody(lambda: [str(refusal(folder)), str(refusal(folder / "sqlite")), str(refusal(folder.parent))])
    assert told == [
        f"{folder}/sqlite: cannot be read: Permission denied",
        f"{folder}/sqlite: cannot be read: Permission denied",
        f"{folder}: cannot be read: Permission denied",
    ]


def test_a_broken_link_is_no_migration(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": A})
    (folder / "0002_b.sql").symlink_to("nowhere.sql")
    error = refusal(folder)
    assert isinstance(error, FileError)
    assert str(error) == f"{folder}/0002_b.sql: cannot be read: No such file or directory"


def test_a_link_to_a_file_is_read_as_the_file(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": A})
    (folder / "0002_b.sql").symlink_to("0001_a.sql")
    first, second = found(folder).migrations
    assert (second.title, second.checksum) == ("0002_b", first.checksum)


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 300_000])
def test_a_file_of_any_size_is_read_whole(tmp_path: Path, size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    (tmp_path / "0001_a.sql").write_bytes(data)
    assert read_bytes(tmp_path / "0001_a.sql") == data
