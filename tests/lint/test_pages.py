"""Each rule has a page: its bad example is found, its good one is not, and runs on a real database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sessmig import ensure_migrations
from sessmig.lint import RULES, Finding, lint
from sessmig.lint.finding import REFUSED, WAIVER
from tests.fixtures.files import WriteMigrations
from tests.lint.conftest import Inside
from tests.lint.looking import PROVING

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((DOCS / "lint").glob("*.md"))}
OVERVIEW = (DOCS / "lint.md").read_text(encoding="utf-8")
NAMES = [rule.name for rule in RULES]
SQUAWK = "squawk"
_BLOCK = re.compile(r"`([a-z0-9_./]+\.sql)`\n\n```sql\n(.*?)```", re.DOTALL)
BASE = dict(_BLOCK.findall(OVERVIEW))


def files(page: str, title: str) -> dict[str, str]:
    """Return the files of an example, with the tables that it speaks of."""
    section = PAGES[page].partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = dict(_BLOCK.findall(section))
    assert found, f"{page}: no example"
    folders = {name.rpartition("/")[0] for name in found}
    return {f"{folder}/{name}".lstrip("/"): text for folder in folders for name, text in BASE.items()} | found


def is_of(page: str, finding: Finding) -> bool:
    return finding.source == SQUAWK if page == SQUAWK else finding.rule == page


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    assert set(PAGES) == {*NAMES, SQUAWK, REFUSED, WAIVER}
    assert re.findall(r"^\| \[([a-z-]+)\]\(lint/\1\.md\)", OVERVIEW, flags=re.MULTILINE) == [
        *NAMES,
        SQUAWK,
        REFUSED,
        WAIVER,
    ]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_why_and_what_to_write_instead(page: str) -> None:
    titles = re.findall(r"^#+ (.*)", PAGES[page], flags=re.MULTILINE)
    assert titles == [page, "Why", "What to write instead", "Bad", "Good"]


@pytest.mark.parametrize("page", PAGES)
def test_the_bad_example_is_found(page: str, migrations: WriteMigrations) -> None:
    report = lint([migrations(files(page, "Bad"))])
    own = {finding for finding in report.findings if is_of(page, finding)}
    dialects = {name.partition("/")[0] for name in files(page, "Bad") if "/" in name}
    assert {finding.path.parent.name for finding in own} == (dialects or {"shop"})
    assert {finding.rule for finding in set(report.findings) - own} <= PROVING


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_found_in_the_good_example(page: str, migrations: WriteMigrations) -> None:
    report = lint([migrations(files(page, "Good"))])
    assert [f for f in report.findings if f.rule not in PROVING - {page}] == []
    assert [finding.rule for finding in report.waived] == (["without-where"] if page == WAIVER else [])


def _runs_on(dialect: str) -> list[str]:
    return [
        page
        for page in PAGES
        if {name.partition("/")[0] for name in files(page, "Good")} & {dialect, "0001_tables.sql"}
    ]


@pytest.mark.parametrize("page", _runs_on("sqlite"))
def test_the_good_example_runs_on_sqlite(page: str, sqlite_url: str, migrations: WriteMigrations) -> None:
    report = ensure_migrations(sqlite_url, migrations(files(page, "Good")), ahead="error")
    assert report.applied + len(report.held) >= 2


@pytest.mark.postgres
@pytest.mark.parametrize("page", _runs_on("postgres"))
def test_the_good_example_runs_on_postgres(page: str, postgres_url: str, migrations: WriteMigrations) -> None:
    report = ensure_migrations(postgres_url, migrations(files(page, "Good")))
    assert report.applied + len(report.held) >= 2


def test_the_output_that_the_overview_shows_is_what_lint_prints(migrations: WriteMigrations, inside: Inside) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", OVERVIEW, flags=re.DOTALL)
    migrations(
        {
            **BASE,
            "0002_move.sql": "-- sessmig: irreversible it is so\n\n"
            "INSERT OR IGNORE INTO customers (id, name) SELECT id, name FROM old_customers;\n",
            "0002_move.verify.sql": "-- merge: old_customers into customers on id comparing name\n",
        }
    )
    assert inside("lint", "--dialect", "sqlite") == (1, shown, "")


def test_the_waiver_that_the_overview_shows_waives(migrations: WriteMigrations) -> None:
    (shown,) = re.findall(r"```sql\n(-- sessmig: allow .*?)```", OVERVIEW, flags=re.DOTALL)
    report = lint([migrations({"0001_x.sql": shown})], dialect="sqlite")
    assert [finding.reason for finding in report.waived] == ["every customer gets the new terms"]


def test_every_link_of_the_pages_leads_to_a_page() -> None:
    for place, text in [(DOCS, OVERVIEW), *((DOCS / "lint", text) for text in PAGES.values())]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (place / link).exists(), link
