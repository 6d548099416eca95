"""Settings and where they come from; database URLs, and no password in any output."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from sessmig import UsageError
from sessmig.config import KEYS, Settings, check_table, find_settings, read_address
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.processes import AsNobody, Cli

A = {"0001_a.sql": "CREATE TABLE a (x INTEGER);\n"}
FORMS = "Write sqlite:///relative.db, sqlite:////absolute.db, postgresql://user@host/name, or a path."


def settings(folder: Path, environ: Mapping[str, str] | None = None, /, **options: str) -> Settings:
    return find_settings(options, folder, environ or {})


def refusal(folder: Path) -> str:
    with pytest.raises(UsageError) as refused:
        settings(folder)
    return str(refused.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("written", "dialect", "target", "label"),
    [
        ("sqlite:///relative.db", "sqlite", "relative.db", "sqlite:///relative.db"),
        ("sqlite:////tmp/absolute.db", "sqlite", "/tmp/absolute.db", "sqlite:////tmp/absolute.db"),
        ("sqlite+pysqlite:///app.db", "sqlite", "app.db", "sqlite:///app.db"),
        ("SQLite:///app.db", "sqlite", "app.db", "sqlite:///app.db"),
        ("sqlite://", "sqlite", ":memory:", ":memory:"),
        ("sqlite:///:memory:", "sqlite", ":memory:", ":memory:"),
        (":memory:", "sqlite", ":memory:", ":memory:"),
        ("data/app.db", "sqlite", "data/app.db", "sqlite:///data/app.db"),
        ("./a=b.db", "sqlite", "./a=b.db", "sqlite:///./a=b.db"),
        ("what is it?.db", "sqlite", "what is it?.db", "sqlite:///what is it?.db"),
        ("postgresql://u@h:5432/db", "postgres", "postgresql://u@h:5432/db", "postgresql://u@h:5432/db"),
        ("postgres://h/db", "postgres", "postgresql://h/db", "postgresql://h/db"),
        ("postgresql+psycopg://u@h/d?port=1", "postgres", "postgresql://u@h/d?port=1", "postgresql://u@h/d?port=1"),
        ("postgresql:///db?host=/run", "postgres", "postgresql:///db?host=/run", "postgresql:///db?host=/run"),
        ("host=h dbname=db", "postgres", "host=h dbname=db", "host=h dbname=db"),
        ("connect_timeout = 5 dbname=db", "postgres", "connect_timeout = 5 dbname=db", "connect_timeout = 5 dbname=db"),
    ],
)
def test_a_database_is_a_url_a_path_or_a_connection_string(written: str, dialect: str, target: str, label: str) -> None:
    address = read_address(written)
    assert (address.dialect, address.target, address.label, address.secrets) == (dialect, target, label, ())


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("mysql://u:secret@h/db", f"not a database URL: mysql://u:***@h/db\n{FORMS}"),
        ("postgres:u:secret@h/db", f"not a database URL: postgres:...\n{FORMS}"),
        ("sqlite:app.db", f"not a database URL: sqlite:...\n{FORMS}"),
        ("file:app.db?mode=ro", f"not a database URL: file:...\n{FORMS}"),
        (
            "sqlite:////app.db?mode=ro",
            "sqlite:////app.db?mode=ro: options behind ? are not understood\nGive the path alone.",
        ),
        ("", f"the database has no name\n{FORMS}"),
        ("sqlite:///", f"the database has no name\n{FORMS}"),
    ],
)
def test_anything_else_is_refused(written: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_address(written)
    assert str(refused.value) == told


@pytest.mark.parametrize(
    ("written", "label", "secrets"),
    [
        ("postgresql://u:secret@h/db", "postgresql://u:***@h/db", {"secret"}),
        ("postgresql://u:@h/db", "postgresql://u@h/db", set()),
        ("postgresql://u:s%40cret@h/db", "postgresql://u:***@h/db", {"s%40cret", "s@cret"}),
        ("host=h password='ge heim", "host=h password=***", {"ge heim"}),
        ("postgresql://u:s?cret@h/db?a=1", "postgresql://u:***@h/db?a=***", {"s?cret"}),
        ("postgresql://u:s?c=ret@h/db", "postgresql://u:***@h/db", {"s?c=ret"}),
        ("postgresql://h:5432/db?user=a@b", "postgresql://h:5432/db?user=a@b", set()),
        ("postgresql://u:secret@h/db&password=two", "postgresql://u:***@h/db***", {"secret", "two"}),
        ("postgresql://h/db?pass=secret&sslmode=require", "postgresql://h/db?pass=***&sslmode=require", set()),
        ("postgresql://h/db?p%61ssword=secret", "postgresql://h/db?***", set()),
        ("postgresql://h/db?password=#secret", "postgresql://h/db?password=***", {"#secret"}),
        ("postgresql://h/db?scram_client_key=secret", "postgresql://h/db?scram_client_key=***", {"secret"}),
        ("DATABASE_URL=postgresql://u:secret@h/db", "DATABASE_URL=***", set()),
        ("host=h pasword=secret", "host=h pasword=***", set()),
        ("host=h,password=secret", "host=***", {"secret"}),
        (
            "postgresql://h/db?password=a&sslpassword=ab&x=a",
            "postgresql://h/db?password=***&sslpassword=***&x=***",
            {"a", "ab"},
        ),
        ("host=h password=h user=h", "host=h password=*** user=h", {"h"}),
        ("user=u password = 'it\\'s so' sslpassword=two", "user=u password = *** sslpassword=***", {"it's so", "two"}),
        ("host=h password='' user=u", "host=h password=*** user=u", set()),
    ],
)
def test_the_label_of_a_url_holds_no_password(written: str, label: str, secrets: set[str]) -> None:
    address = read_address(written)
    assert address.label == label
    assert secrets <= set(address.secrets)
    assert "" not in address.secrets


@pytest.mark.parametrize("password", ["s@cret", "s/cret", "s@c:r/t"])
def test_a_password_that_libpq_would_read_as_part_of_the_host_is_refused_unseen(password: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_address(f"postgresql://u:{password}@h/db")
    told = "postgresql://u:***@h/db: the password holds @ or /\nWrite %40 for @, %2F for /."
    assert str(refused.value) == told


def test_no_password_reaches_any_output(cli: Cli, migrations: WriteMigrations, postgres_server: PostgresServer) -> None:
    folder = migrations({**A, "0002_b.sql": "SELECT nonsense;"})
    password = "p%40ss?w/rd"
    right = postgres_server.new_database()
    wrong = right.replace("postgres@", f"nobody_here:{password.replace('/', '%2F')}@")
    assert wrong != right
    for url in (wrong, wrong.replace("://", "://x")):
        for command in ("migrate", "status", "verify"):
            by_environment = cli(command, "--dir", folder, "--json", env={"DATABASE_URL": url})
            by_option = cli(command, "--dir", folder, "-d", url)
            assert (by_environment.returncode, by_option.returncode) == (1, 1)
            for done in (by_environment, by_option):
                for secret in ("p%40ss", "p@ss", "w%2Frd", "w/rd"):
                    assert secret not in done.stdout + done.stderr
            assert "warning: a password in --database can be seen in the process list" in by_option.stderr
            assert "warning" not in by_environment.stderr
    postgres_server.drop_database(right)


def test_an_option_goes_before_the_environment_and_that_before_env_and_toml(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.sessmig]\ndatabase = "toml.db"\ntable = "toml"\n')
    assert settings(tmp_path).database == "toml.db"
    (tmp_path / ".env").write_text("DATABASE_URL=dotenv-url.db\n")
    assert settings(tmp_path).database == "dotenv-url.db"
    (tmp_path / ".env").write_text("DATABASE_URL=dotenv-url.db\nexport SESSMIG_DATABASE='dotenv.db' # ours\n")
    assert settings(tmp_path).database == "dotenv.db"
    environ = {"DATABASE_URL": "url.db"}
    assert settings(tmp_path, environ).database == "url.db"
    environ["SESSMIG_DATABASE"] = "own.db"
    assert settings(tmp_path, environ).database == "own.db"
    assert settings(tmp_path, environ, database="option.db").database == "option.db"
    assert settings(tmp_path, environ).table == "toml"


def test_every_setting_may_come_from_everywhere(tmp_path: Path) -> None:
    expected = Settings(*"abcdefgh")
    values = dict(zip(KEYS, "abcdefgh", strict=True))
    assert find_settings(values, tmp_path, {}) == expected
    assert settings(tmp_path, {f"SESSMIG_{key.upper()}": value for key, value in values.items()}) == expected
    (tmp_path / ".env").write_text("".join(f"SESSMIG_{key.upper()}={value}\n" for key, value in values.items()))
    assert settings(tmp_path) == expected
    (tmp_path / ".env").unlink()
    for name, head in (
        ("sessmig.toml", ""),
        ("sessmig.toml", "[tool.sessmig]\n"),
        ("pyproject.toml", "[tool.sessmig]\n"),
    ):
        (tmp_path / name).write_text(head + "".join(f'{key} = "{value}"\n' for key, value in values.items()))
        folders = {name: str(tmp_path / values[name]) for name in ("dir", "backup_dir", "pg_bin")}
        assert settings(tmp_path) == Settings(**(values | folders))
        (tmp_path / name).unlink()
    assert settings(tmp_path) == Settings()


def test_what_is_empty_in_the_environment_is_not_set(tmp_path: Path) -> None:
    (tmp_path / "sessmig.toml").write_text('database = "toml.db"\n')
    assert settings(tmp_path, {"SESSMIG_DATABASE": "", "DATABASE_URL": "", "SESSMIG_DIR": ""}) == Settings("toml.db")


def test_a_dollar_in_env_is_a_dollar(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://u:pa${HOME}ss@h/db\n")
    assert settings(tmp_path).database == "postgresql://u:pa${HOME}ss@h/db"


def test_a_number_of_backups_may_be_written_as_a_number(tmp_path: Path) -> None:
    (tmp_path / "sessmig.toml").write_text("keep = 5\n")
    assert settings(tmp_path).keep == "5"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'databse = "x"',
            "unknown setting 'databse'\nKnown are: database, dir, series, table, backup, backup_dir, keep, pg_bin.",
        ),
        ("[database]\nurl = 'x'", "the setting 'database' has to be a text\nWrite database = \"...\""),
        ("table = 7", "the setting 'table' has to be a text\nWrite table = \"...\""),
    ],
)
def test_a_setting_that_is_not_understood_is_refused(text: str, told: str, tmp_path: Path) -> None:
    for name in ("sessmig.toml", "pyproject.toml"):
        head = "" if name == "sessmig.toml" else "[tool.sessmig]\n"
        (tmp_path / name).write_text(head + text.replace("[database]\nurl = 'x'", "database = { url = 'x' }"))
        assert refusal(tmp_path) == f"{name}: {told}"
        (tmp_path / name).unlink()


def test_nothing_in_sessmig_toml_is_overlooked(tmp_path: Path) -> None:
    (tmp_path / "sessmig.toml").write_text('tabel = "x"\n[tool.sessmig]\ntable = "y"\n')
    assert refusal(tmp_path).startswith("sessmig.toml: unknown setting 'tabel'\n")
    (tmp_path / "sessmig.toml").write_text('[sessmig]\ntable = "y"\n')
    assert refusal(tmp_path).startswith("sessmig.toml: unknown setting 'sessmig'\n")


def test_a_settings_file_that_cannot_be_read_is_named(tmp_path: Path, as_nobody: AsNobody) -> None:
    for name in ("sessmig.toml", "pyproject.toml", ".env"):
        (tmp_path / name).write_bytes(b"a = '\xff'\n")
        assert refusal(tmp_path).startswith(f"{name}: cannot be read: ")
        (tmp_path / name).write_text("a = ")
        (tmp_path / name).chmod(0o000)
        assert as_nobody(lambda: refusal(tmp_path)).startswith(f"{name}: cannot be read: [Errno 13] Permission denied")
        (tmp_path / name).unlink()
    (tmp_path / "pyproject.toml").write_text("a = \n")
    assert refusal(tmp_path).startswith("pyproject.toml: cannot be read: Invalid value")
    (tmp_path / "pyproject.toml").write_text("[tool]\nsessmig = 1\n")
    assert refusal(tmp_path) == "pyproject.toml: tool.sessmig has to be a table\nWrite [tool.sessmig]."


def test_settings_in_two_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.sessmig]\ntable = "x"\n')
    (tmp_path / "sessmig.toml").write_text('table = "y"\n')
    assert refusal(tmp_path) == ("both sessmig.toml and pyproject.toml hold settings\nKeep them in one file.")
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 120\n")
    assert settings(tmp_path).table == "y"


def test_a_folder_in_a_settings_file_is_meant_from_the_files_own_place(
    database_url: str, cli: Cli, tmp_path: Path, migrations: WriteMigrations
) -> None:
    migrations(A)
    (tmp_path / "sessmig.toml").write_text(f'database = "{database_url}"\ndir = "sql/shop"\n')
    done = cli("migrate")
    assert done.returncode == 0
    assert "1 migration applied" in done.stdout
    assert find_settings({}, tmp_path, {}).dir == str(tmp_path / "sql" / "shop")


def test_without_a_database_it_says_how_to_give_one(cli: Cli, migrations: WriteMigrations) -> None:
    migrations(A)
    done = cli("migrate", "--dir", "sql/shop")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "no database is given\nGive --database URL, or set DATABASE_URL (in the environment or .env), "
        "or write database = ... into sessmig.toml here, or [tool.sessmig] of pyproject.toml.\n"
    )


def test_two_databases_are_refused(cli: Cli) -> None:
    done = cli("status", "-d", "a.db", "--db", "b.db")
    assert (done.returncode, done.stderr) == (2, "both --database and --db are given\nGive one of them.\n")


@pytest.mark.parametrize("name", ["", "a b", "a.b", 'a"b', "1a", "ä", "x" * 52])
def test_a_ledger_needs_a_plain_name(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_table(name)
    assert str(refused.value) == f"table {name!r}: not a table name\nLetters, digits and _, 51 at most."
    assert check_table("x" * 51) == "x" * 51
