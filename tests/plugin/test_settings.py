"""Where the plugin finds the migrations, the ledger's name and the server; and what it does not read."""

from __future__ import annotations

from tests.plugin.inner import Inner

NOTING = """
from look import ask, note

def test_it(sessmig_database):
    note(sessmig_database.partition(":")[0])
    for table in ("schema_migrations", "kept"):
        if ask(sessmig_database, f"SELECT 1 FROM sqlite_master WHERE name = '{table}'"):
            note(table, ask(sessmig_database, f"SELECT series, version FROM {table} ORDER BY series, version"))
"""
MORE = {"0001_more.sql": "CREATE TABLE more (x INTEGER);\n"}


def test_folders_on_the_command_line_are_applied_in_their_order_instead_of_those_of_the_settings(
    on_sqlite: Inner,
) -> None:
    # `after` needs the table that `more` makes, and comes before it in the alphabet.
    on_sqlite.migrations(MORE, series="more")
    on_sqlite.migrations({"0001_after.sql": "ALTER TABLE more ADD COLUMN y INTEGER;\n"}, series="after")
    on_sqlite.write("test_inner.py", NOTING)
    ran = on_sqlite.run("--sessmig-dir=sql/more", "--sessmig-dir=sql/after")
    assert (ran.outcomes, ran.notes) == (
        {"passed": 1},
        ["sqlite", "schema_migrations [('after', 1), ('more', 1)]"],
    ), ran.output


def test_without_settings_of_pytest_the_commands_own_are_taken_but_never_its_database(on_sqlite: Inner) -> None:
    on_sqlite.migrations(MORE, series="more")
    on_sqlite.write("pytest.ini", "[pytest]\npythonpath = .\n")
    on_sqlite.write("sessmig.toml", 'dir = "sql/more"\ntable = "kept"\nseries = "named"\ndatabase = "dev.db"\n')
    on_sqlite.write(".env", "DATABASE_URL=sqlite:///dev.db\n")
    on_sqlite.environment["SESSMIG_TEST_SERVER"] = ""
    on_sqlite.write("test_inner.py", NOTING)
    ran = on_sqlite.run()
    assert (ran.outcomes, ran.notes) == ({"passed": 1}, ["sqlite", "kept [('named', 1)]"]), ran.output
    assert not (on_sqlite.folder / "dev.db").exists()


def test_one_name_for_two_series_is_refused(on_sqlite: Inner) -> None:
    on_sqlite.migrations(MORE, series="more")
    on_sqlite.write("sessmig.toml", 'series = "named"\n')
    on_sqlite.write("test_inner.py", NOTING)
    ran = on_sqlite.run("--sessmig-dir=sql/more", "--sessmig-dir=sql/shop")
    assert ran.outcomes == {"error": 1}, ran.output
    assert "the setting series = 'named' names one series, and there are 2 folders\nTake it away" in ran.output


def test_the_server_in_pytests_settings_counts_where_the_environment_names_none(on_postgres: Inner) -> None:
    settings = (on_postgres.folder / "pytest.ini").read_text()
    on_postgres.write(
        "test_inner.py", "from look import note\ndef test_it(sessmig_database): note(sessmig_database[:6])\n"
    )
    on_postgres.write("pytest.ini", f"{settings}sessmig_server = {on_postgres.server}\n")
    on_postgres.server = ""
    assert on_postgres.run().notes == ["postgr"]
    on_postgres.server = "sqlite"
    assert on_postgres.run().notes == ["sqlite"]


def test_the_folders_can_be_overridden_by_a_fixture(on_sqlite: Inner) -> None:
    on_sqlite.migrations(MORE, series="more")
    on_sqlite.write(
        "conftest.py",
        "import pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def sessmig_dirs(pytestconfig):\n"
        "    return (pytestconfig.rootpath / 'sql' / 'more',)\n",
    )
    on_sqlite.write("test_inner.py", NOTING)
    assert on_sqlite.run().notes == ["sqlite", "schema_migrations [('more', 1)]"]


def test_settings_that_cannot_be_read_are_named_without_a_traceback(on_sqlite: Inner) -> None:
    on_sqlite.write("pytest.ini", "[pytest]\npythonpath = .\n")
    on_sqlite.write("sessmig.toml", "dri = 'sql/shop'\n")
    on_sqlite.write("test_inner.py", NOTING)
    ran = on_sqlite.run()
    assert ran.outcomes == {"error": 1}, ran.output
    assert "the settings cannot be read\n\n" in ran.output
    assert "sessmig.toml: unknown setting 'dri'\nKnown are: " in ran.output
    assert "Traceback" not in ran.output
