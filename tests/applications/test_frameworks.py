"""FastAPI, Flask and Django as the page has them, each in a process of its own."""

from __future__ import annotations

import pytest

from tests.applications.example import Example

FASTAPI = """
from fastapi.testclient import TestClient
from app_fastapi import app

for _ in range(2):
    with TestClient(app) as client:
        print(client.get("/").json())
"""
FLASK = """
from app_flask import create_app

for _ in range(2):
    print(create_app().test_client().get("/").json)
"""
BAD = "INSERT INTO customers (id, name) VALUES (1, 'Ada'), (2, 'Grace');\n"
SETTINGS = """
import os
from pathlib import Path
from urllib.parse import urlsplit

BASE_DIR = Path(__file__).parents[1]
INSTALLED_APPS = ["shop"]
USE_TZ = True
url = urlsplit(os.environ["DATABASE_URL"])
if url.scheme == "sqlite":
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": url.path.removeprefix("/")}}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path.removeprefix("/"),
            "HOST": url.hostname,
            "PORT": url.port,
            "USER": url.username,
        }
    }
"""
MANAGE = """
import sys
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
"""


@pytest.mark.parametrize("check", [FASTAPI, FLASK], ids=["fastapi", "flask"])
def test_the_application_migrates_when_it_starts_and_serves(example: Example, check: str) -> None:
    done = example.python("-W", "error", "-c", check)
    expected = "{'applied at start': 2}\n{'applied at start': 0}\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")
    assert example.seen.rows("SELECT id, name FROM customers") == [(1, "Ada")]


@pytest.mark.parametrize("check", [FASTAPI, FLASK], ids=["fastapi", "flask"])
def test_the_application_does_not_start_where_a_migration_fails(on_sqlite: Example, check: str) -> None:
    on_sqlite.write("sql/shop/0002_first.sql", BAD)
    done = on_sqlite.python("-c", check)
    assert (done.returncode, done.stdout) == (1, "")
    assert "CheckError: sql/shop/0002_first.verify.sql:1: check failed: there is one customer" in done.stderr
    assert on_sqlite.seen.value("SELECT count(*) FROM customers") == 0


def _django(example: Example) -> None:
    """What `startproject` and `startapp` would have made."""
    example.write("manage.py", MANAGE)
    example.write("shop/settings.py", SETTINGS)
    for folder in ("shop", "shop/management", "shop/management/commands"):
        example.write(f"{folder}/__init__.py", "")


def test_djangos_command_migrates_on_djangos_own_connection(example: Example) -> None:
    _django(example)
    for expected in ("2 applied now, 0 before\n", "0 applied now, 2 before\n"):
        done = example.python("-W", "error", "manage.py", "migrate_sql", DJANGO_SETTINGS_MODULE="shop.settings")
        assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")
    assert example.seen.rows("SELECT id, name FROM customers") == [(1, "Ada")]


def test_djangos_command_ends_with_sessmigs_exit_code_and_words(example: Example) -> None:
    _django(example)
    example.write("sql/shop/0002_first.sql", BAD)
    done = example.python("manage.py", "migrate_sql", DJANGO_SETTINGS_MODULE="shop.settings")
    assert (done.returncode, done.stdout) == (3, "")
    assert "CommandError: " in done.stderr
    assert "sql/shop/0002_first.verify.sql:1: check failed: there is one customer\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert example.seen.value("SELECT count(*) FROM customers") == 0
