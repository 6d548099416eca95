"""Hostile settings: mangled URLs, and settings files with anything in them; no password is shown."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessmig.errors import UsageError
from sessmig.labels import conninfo_label, url_label
from tests.faults.hostile import Ended, examples, held, run, write

SECRET = "Geheim77"
AROUND = (
    "",
    "@x",
    ":x",
    "/x",
    "%",
    "%zz",
    "#x",
    "?x",
    "?a=b",
    " x",
    "&x",
    "[",
    "'",
    '"',
    "\\",
    "é",
    "%00",
    "\n",
    "\x1b[31m",
)
FORMS = (
    "postgresql://u:{}@127.0.0.1:1/db",
    "postgresql://u:{}@127.0.0.1:1/db?sslmode=bogus",
    "postgresql://u:{}@127.0.0.1:1/db?nonsense=1",
    "postgresql://u:{}@[::1]:1/db",
    "postgresql://u:{}@[::1/db",
    "postgresql://u:{}@127.0.0.1:99999/db",
    "postgresql://u:{}@127.0.0.1:port/db",
    "postgresql://u:{}@127.0.0.1:1,127.0.0.1:2/db",
    "postgresql://u:{}@/db?host=/nowhere",
    "postgresql://u@127.0.0.1:1/db?password={}",
    "postgresql://u@127.0.0.1:1/db?Password={}",
    "postgresql://u@127.0.0.1:1/db?pass={}",
    "postgresql://u@127.0.0.1:1/db?sslpassword={}",
    "postgresql://u@127.0.0.1:1/db&password={}",
    "postgresql://u@127.0.0.1:1/db;password={}",
    "postgresql://u@127.0.0.1:1/db#password={}",
    "postgresql://u:{}@?service=nowhere",
    "postgresql+psycopg2://u:{}@127.0.0.1:1/db",
    "postgres//u:{}@127.0.0.1/db",
    "postgresql:/u:{}@127.0.0.1/db",
    "postgresql:u:{}@127.0.0.1/db",
    "'postgresql://u:{}@127.0.0.1/db'",
    " postgresql://u:{}@127.0.0.1/db",
    "postgresql ://u:{}@127.0.0.1/db",
    "DATABASE_URL=postgresql://u:{}@127.0.0.1/db",
    "jdbc:postgresql://127.0.0.1/db?user=u&password={}",
    "mysql://u:{}@127.0.0.1/db",
    "sqlite://u:{}@127.0.0.1/db",
    "//u:{}@127.0.0.1/db",
    "host=127.0.0.1 port=1 password={}",
    "host=127.0.0.1 port=1 password = '{}' user=u",
    "host=127.0.0.1 port=1 pasword={}",
    "host=127.0.0.1 port=1 PASSWORD={}",
    "host=127.0.0.1 port=nowhere password={}",
    "service=nowhere password={}",
)


@pytest.fixture
def series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write(tmp_path / "shop", {"0001_a.sql": "SELECT 1;\n"})


@given(st.sampled_from(FORMS), st.sampled_from(AROUND), st.booleans())
@examples(120, 5_000)
def test_no_url_however_mangled_shows_its_password(series: Path, form: str, around: str, before: bool) -> None:
    secret = f"{around}{SECRET}" if before and around[:1] not in ("@", "/", "?", "#") else f"{SECRET}{around}"
    ended = held(
        run("status", "--dir", series, env={"DATABASE_URL": form.format(secret), "PGCONNECT_TIMEOUT": "2"}), 1, 2
    )
    assert SECRET not in ended.said
    assert [path.name for path in series.parent.iterdir()] == ["shop"]


@given(st.text(max_size=30), st.text(max_size=30))
@examples(100)
def test_a_label_is_made_of_any_text(one: str, other: str) -> None:
    for label, secrets in (url_label(f"{one}://{other}"), conninfo_label(f"{one}={other}")):
        assert isinstance(label, str)
        assert "" not in secrets


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u@127.0.0.1:99999/db", "invalid port number"),
        ("postgresql://u@127.0.0.1:port/db", "what stands behind the colon is no port"),
        ("postgresql://u@127.0.0.1/db?nonsense=1", 'invalid URI query parameter: "nonsense"'),
        ("postgresql://u@127.0.0.1/%zz", 'invalid percent-encoded token: "***"'),
        ("postgresql:///db?service=nowhere", 'definition of service "nowhere" not found'),
        ("postgresql:///db?host=/nowhere", "No such file or directory"),
        ("postgresql://a@b@127.0.0.1/db", "the user holds @ or /"),
    ],
)
def test_a_mangled_url_is_told_by_what_is_wrong_with_it(url: str, told: str, series: Path) -> None:
    assert told in held(run("migrate", "--dir", series, env={"DATABASE_URL": url}), 1, 2).err


def _settings(series: Path, name: str, data: bytes) -> Ended:
    (series.parent / name).write_bytes(data)
    return run("status", "--dir", series)


WORDS = (
    "[tool.sessmig]\n", "[tool]\n", "[[tool.sessmig]]\n", "database = ", "dir = ", "keep = ", "table = ", "tool = ",
    "sessmig = ", "backup = ", "'x'\n", "7\n", '"\\u0000"\n', "[1]\n", "{}\n", "nan\n", "1979-05-27\n", "true\n", "=",
    "\n", "#", "'''", "\ufeff",
)  # fmt: skip
TOML = st.one_of(
    st.binary(max_size=40),
    st.lists(st.sampled_from(WORDS), max_size=8).map(lambda words: "".join(words).encode()),
)


@given(st.sampled_from(["pyproject.toml", "sessmig.toml", ".env"]), TOML)
@examples(80, 5_000)
def test_whatever_stands_in_a_settings_file_it_is_understood_or_refused_by_name(
    series: Path, name: str, data: bytes
) -> None:
    ended = held(_settings(series, name, data), 0, 1, 2, 4)
    (series.parent / name).unlink()
    if ended.code == 2 and "no database is given" not in ended.err:
        assert name in ended.err or "database" in ended.err or "table" in ended.err or "dir" in ended.err


@pytest.mark.parametrize("name", ["pyproject.toml", "sessmig.toml"])
def test_a_folder_with_a_nul_in_its_name_is_refused(name: str, series: Path) -> None:
    text = '[tool.sessmig]\ndatabase = "app.db"\ndir = "a\\u0000b"\n'
    assert tomllib.loads(text)
    (series.parent / name).write_text(text)
    ended = held(run("migrate"), 1, 2)
    assert "a\\x00b" in ended.err


def test_a_mangled_url_is_a_usage_error_for_applications_too(series: Path) -> None:
    from sessmig import ensure_migrations

    with pytest.raises(UsageError) as refused:
        ensure_migrations(f"postgresql://u:{SECRET}@127.0.0.1/db?password%3D{SECRET}", series)
    assert SECRET not in str(refused.value)
