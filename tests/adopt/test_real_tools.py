"""The tools that Python can install make their tables themselves here; so a release that changes them is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import adopt_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]
UTILS = """
from sqlite_utils import Database, Migrations

shop = Migrations("shop")


@shop()
def m001_create_users(db):
    db["users"].create({"id": int}, pk="id")


@shop()
def create_posts(db):
    db["posts"].create({"id": int}, pk="id")


shop.apply(Database(PATH))
"""


def _python(*arguments: str) -> None:
    ran = subprocess.run([sys.executable, "-W", "ignore", *arguments], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


def test_what_yoyo_applied_is_adopted(
    database_url: str, migrations: WriteMigrations, probe: Probes, tmp_path: Path
) -> None:
    old = tmp_path / "yoyo"
    old.mkdir()
    (old / "0001.create-users.sql").write_text("CREATE TABLE users (id INTEGER)")
    (old / "20240102_01_AbCdE-create-posts.sql").write_text("CREATE TABLE posts (id INTEGER)")
    (old / "20240103_01_XyZ12-add-tags.sql").write_text("CREATE TABLE tags (id INTEGER)")
    (old / "20240103_01_XyZ12-add-tags.rollback.sql").write_text("DROP TABLE tags")
    url = database_url.replace("postgresql://", "postgresql+psycopg://")
    _python("-m", "yoyo", "apply", "--batch", "--no-config-file", "--database", url, os.fspath(old))
    _python(
        "-m",
        "yoyo",
        "rollback",
        "--batch",
        "--no-config-file",
        "-r",
        "20240103_01_XyZ12-add-tags",
        "--database",
        url,
        os.fspath(old),
    )
    before = probe(database_url).snapshot(exclude=())
    folder = migrations({"0001_create_users.sql": "", "2024010201_create_posts.sql": "", "2024010301_add_tags.sql": ""})

    report = adopt_migrations(database_url, folder, table="ours")

    assert [(one.version, one.matched_by) for one in report.recorded] == [
        (1, "version and name"),
        (2024010201, "version and name"),
    ]
    assert report.pending == ("2024010301_add_tags",)
    assert probe(database_url).snapshot(exclude=("ours", "ours_log")) == before


def test_what_sqlite_utils_applied_is_adopted(sqlite_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    _python("-c", UTILS.replace("PATH", repr(path)))
    before = probe(sqlite_url).snapshot(exclude=())
    folder = migrations({"0001_create_users.sql": "", "0002_create_posts.sql": "", "0003_tags.sql": ""})

    report = adopt_migrations(sqlite_url, folder)

    assert [(one.version, one.matched_by) for one in report.recorded] == [(1, "version and name"), (2, "name")]
    assert probe(sqlite_url).snapshot() == before


@pytest.mark.parametrize("module", ["yoyo", "sqlite_utils"])
def test_sessmig_itself_needs_none_of_them(module: str) -> None:
    code = f"import sys, sessmig.adopt, sessmig.adopt_commands; assert {module!r} not in sys.modules"
    _python("-c", code)
