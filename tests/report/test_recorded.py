"""How what sessmig never ran is told: what was recorded as done, in each format, and what comes last of a version."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sessmig.baseline import baseline
from sessmig.chronicle import Chronicle
from sessmig.databases import connect
from sessmig.digest import digest, run_title
from sessmig.job import Job
from sessmig.report_html import html_page
from sessmig.report_markdown import markdown_text
from sessmig.report_text import chronicle_lines
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.report.shop import FILES, LOG, Read, chronicle, write_log
from tests.run.doing import migrate

Probes = Callable[[str], Probe]
FOUND = "SELECT id FROM old WHERE id > 2"
RECORDED = {
    "0001_tables.sql": FILES["0001_tables.sql"],
    "0001_tables.verify.sql": "-- check: old has no row 9\nSELECT id FROM old WHERE id = 9;\n"
    f"-- warn: old has few rows\n{FOUND};\n-- check: as it was\n-- expect: same\nSELECT 1;\n",
    "0002_none.sql": "CREATE TABLE later (x INTEGER);\n",
}


@pytest.fixture
def recorded(database_url: str, migrations: WriteMigrations, probe: Probes) -> Chronicle:
    folder = migrations(RECORDED)
    probe(database_url).execute(RECORDED["0001_tables.sql"])
    with connect(database_url, create=False) as database:
        baseline(Job(database, folder), 1)
    return chronicle(database_url, folder)


def test_a_baseline_is_told_with_its_checks_and_is_in_the_sums(recorded: Chronicle) -> None:
    (attempt,) = recorded.runs[0].attempts
    assert (attempt.result, attempt.stands, run_title(recorded.runs[0])) == (
        "recorded, not run",
        False,
        f"Run {recorded.runs[0].number}: baseline, 1 recorded",
    )
    assert attempt.step
    assert [check.outcome for check in attempt.step.checks] == ["passed", "warned", "not re-runnable"]
    assert [name for name, _ in attempt.others] == ["checksum"]
    found = digest(recorded)
    assert (found.applied, found.recorded, found.passed, found.warned, found.warned_rows) == (0, 1, 1, 1, 2)
    assert found.sentence == "0 of 2 migrations applied, 1 recorded without being run, 1 pending"


def test_every_format_lays_a_baseline_out_and_says_that_its_file_never_ran(recorded: Chronicle) -> None:
    text, page = "\n".join(chronicle_lines(recorded)), Read(html_page(recorded)).text
    for told in (text, markdown_text(recorded).replace("\\_", "_"), page):
        assert "old has few rows" in told
        assert "not re-runnable" in told or "➖" in told
        assert "'verb'" not in told
    assert "1 check held, 1 warning (2 rows), 0 rows taken away" in text
    assert "the file as it was recorded" in page
    assert "the file as it ran" not in page
    assert "otherwise than this version" not in page
    assert "2 rows that somebody should look at" in page


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_what_a_script_did_not_count_is_never_told_as_nothing(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes, form: str
) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    check = {"verb": "warn", "name": "rows of salt", "where": "v:1", "outcome": "warned", "expected": "none"}
    detail = {
        "statements": [{"line": 1, "verb": "DELETE", "target": "old", "rows": None}],
        "checks": [check],
        "run_by": "sqlite3, with a script planned by ada",
        "not_asked": ["old into new", "a into b"],
        "run": "x",
    }
    probe(sqlite_url).execute(f"DELETE FROM {LOG}")
    write_log(probe(sqlite_url), version=2, migration_id="merge", detail=json.dumps(detail))
    found = chronicle(sqlite_url, folder)
    told = {
        "text": lambda: "\n".join(chronicle_lines(found)),
        "markdown": lambda: markdown_text(found),
        "html": lambda: Read(html_page(found)).text,
    }[form]()
    assert digest(found).tone == "waiting"
    assert "merge: applied by script" in told or "merge applied by script" in told
    assert "1 step run by script, without merges and loss guard" in told
    assert "run by a script: 2 merges and the loss guard were not asked, and rows were not counted" in told
    assert "not counted: 1 step run by script" in told.lower()
    assert "0 rows taken away" not in told
    assert {line.rstrip()[-5:] for line in told.splitlines()}.isdisjoint({"found"})
