"""The how-to for testing shows only what was run: its project is written from the page, and tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sessmig import pytest_plugin
from tests.pages import ROOT
from tests.plugin.inner import Inner, ready, sqlite_inner

PAGE = (ROOT / "docs" / "how-to" / "testing.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`([\w/.]+)`\n\n```(?:sql|toml|python)\n(.*?)```", PAGE, flags=re.DOTALL))
FIRST = ("pyproject.toml", "sql/shop/0001_customers.sql", "sql/shop/0002_city.sql", "tests/test_shop.py")


@pytest.fixture
def project(tmp_path: Path) -> Inner:
    """Write the files of the page's first part."""
    inner = sqlite_inner(tmp_path)
    for name in FIRST:
        inner.write(name, FILES[name])
    return inner


def test_the_pages_project_runs_as_it_stands_there(project: Inner) -> None:
    assert set(FIRST) < set(FILES)
    ran = project.run()
    shown = re.findall(r"```console\n\$ pytest -q\n(.*?)```", PAGE, flags=re.DOTALL)[0]
    assert re.sub(r"[\d.]+s", "T", ran.output) == re.sub(r"[\d.]+s", "T", shown)
    for name in ("tests/conftest.py", "tests/test_more.py"):
        project.write(name, FILES[name])
    ran = project.run()
    assert ran.outcomes == {"passed": 3}, ran.output


def test_a_failing_migration_shows_what_the_page_shows(project: Inner) -> None:
    project.write(
        "sql/shop/0002_city.sql", FILES["sql/shop/0002_city.sql"] + "INSERT INTO customers VALUES (1, 'Ada', NULL);\n"
    )
    check = "-- check: every customer has a city\nSELECT id FROM customers WHERE city IS NULL;\n"
    project.write("sql/shop/0002_city.verify.sql", check)
    output = project.run().output
    (shown,) = re.findall(r"```text\n(ERROR at setup.*?)```", PAGE, flags=re.DOTALL)
    at = 0
    for line in filter(None, (line.strip() for line in shown.splitlines() if line.strip() != "...")):
        assert line in output[at:], line
        at = output.index(line, at)


def test_every_fixture_option_and_setting_of_the_plugin_stands_on_the_page(tmp_path: Path) -> None:
    settings = ready(sqlite_inner(tmp_path)).run("--help", check=False).output
    there = {name for name in vars(pytest_plugin) if name.startswith("sessmig_")}
    assert there == {"sessmig_dirs", "sessmig_server", "sessmig_start", "sessmig_template", "sessmig_database"}
    there |= set(re.findall(r"--sessmig-\w+|\bsessmig_\w+(?= \()", settings))
    assert len(there) == 7
    for name in there:
        assert f"`{name}" in PAGE, name
