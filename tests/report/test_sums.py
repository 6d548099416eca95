"""What the sums and banners of a report say: of what stands, of the last run, and nothing that they do not know."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sessmig import CheckError, SessmigError
from sessmig.digest import digest, table_changes
from sessmig.report_html import html_page
from sessmig.report_markdown import markdown_text
from sessmig.report_text import chronicle_lines
from sessmig.row_words import told
from sessmig.timeline import length_ms
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.report.shop import FILES, Read, chronicle, write_log
from tests.run.doing import migrate, roll_back
from tests.staged.half import BATCH, TABLES

Probes = Callable[[str], Probe]
GUARDED = FILES | {"0003_less.sql": "DELETE FROM new WHERE id > 1;\n"}


def test_a_failure_from_before_a_restore_is_not_the_last_word(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(GUARDED)
    with pytest.raises(CheckError):
        migrate(sqlite_url, folder)
    assert digest(chronicle(sqlite_url, folder)).sentence.endswith("1 pending, the last run failed")
    backup = json.dumps({"path": "/b", "size": 1, "sha256": "ab", "run": "x"})
    write_log(probe(sqlite_url), action="restore", version=0, migration_id="", detail=backup)
    found = digest(chronicle(sqlite_url, folder))
    assert (found.tone, found.failed, found.sentence) == ("waiting", 0, "2 of 3 migrations applied, 1 pending")


def test_what_the_loss_guard_stopped_is_told_as_what_would_have_been_lost(
    sqlite_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(GUARDED)
    with pytest.raises(CheckError):
        migrate(sqlite_url, folder)
    found = chronicle(sqlite_url, folder)
    text = "\n".join(chronicle_lines(found))
    assert "  would be LOST, so it was rolled back: 2 rows of new were deleted (DELETE in line 1)" in text
    assert ", the last run stopped by the loss guard, " in text
    page = Read(html_page(found)).text
    assert "the last run stopped by the loss guard" in page
    assert "none failed" not in page
    assert "**would be LOST**, so it was rolled back: 2 rows" in markdown_text(found)


def test_what_came_in_batches_of_a_half_done_step_is_named_as_not_counted(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(TABLES | BATCH)
    with pytest.raises(SessmigError):
        migrate(sqlite_url, folder)
    found = chronicle(sqlite_url, folder)
    assert "\nnot counted: 1 half-done step\n" in "\n".join(chronicle_lines(found))
    assert "no merge stands; not counted: 1 half-done step" in Read(html_page(found)).text
    probe(sqlite_url).execute("UPDATE old SET name = 'good' WHERE name = 'bad'")
    migrate(sqlite_url, folder)
    mended = chronicle(sqlite_url, folder)
    assert [run.attempts[-1].is_resumed for run in mended.runs] == [False, True]
    assert "\n".join(chronicle_lines(mended)).count("it went on where an attempt before it had stopped") == 1


def test_what_took_rows_away_is_told_with_its_migration_in_the_table_of_a_run(
    sqlite_url: str, migrations: WriteMigrations
) -> None:
    files = {"0003_less.sql": "-- sessmig: may-lose new\nDELETE FROM new WHERE id > 2;\n"}
    folder = migrations(FILES | files)
    migrate(sqlite_url, folder)
    (run,) = chronicle(sqlite_url, folder).runs
    assert [effect.by for effect in table_changes(run.attempts)] == [("0003: DELETE in line 2",), ()]


def test_a_migration_that_is_applied_again_counts_once(sqlite_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    roll_back(sqlite_url, folder)
    migrate(sqlite_url, folder)
    found = digest(chronicle(sqlite_url, folder))
    assert (found.rows.source, found.passed, found.warned, found.deleted) == (4, 3, 1, 0)


def test_moments_cut_to_the_second_make_no_gap(sqlite_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    for second, took in ((5, 60), (6, 70), (7, 1000), (9, 5)):
        detail = json.dumps({"run": "x"})
        write_log(probe(sqlite_url), started_at=f"2026-01-02 03:04:0{second}", duration_ms=took, detail=detail)
    attempts = chronicle(sqlite_url, folder).runs[-1].attempts
    assert length_ms(attempts[:2]) == 130
    assert length_ms(attempts) == 3005


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, None), ("NULL", "'NULL'"), ("", "''"), ("   ", "'   '"), ("a ", "'a '"), ("a b", "a b"), (7, 7)],
)
def test_a_text_that_looks_like_nothing_stands_in_quotes(value: object, shown: object) -> None:
    assert told(value) == shown  # type: ignore[arg-type]


def test_null_and_texts_like_it_are_told_apart_in_every_format(sqlite_url: str, migrations: WriteMigrations) -> None:
    verify = "-- warn: odd\nSELECT NULL AS a, 'NULL' AS b, '' AS c;\n"
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n", "0001_a.verify.sql": verify})
    migrate(sqlite_url, folder)
    found = chronicle(sqlite_url, folder)
    assert "NULL  'NULL'  ''" in "\n".join(chronicle_lines(found))
    assert "| `NULL` | `'NULL'` | `''` |" in markdown_text(found)
    assert "NULL 'NULL' ''" in Read(html_page(found)).text


def test_a_way_back_below_one_that_there_is_not_is_said_to_be_out_of_reach(
    sqlite_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(FILES | {"0003_gone.sql": "-- sessmig: irreversible it is as it is\nSELECT 1;\n"})
    migrate(sqlite_url, folder)
    found = chronicle(sqlite_url, folder)
    assert [way.behind for way in found.ways_back] == ["", "0003 gone", "0003 gone"]
    line = "Only behind a restore, as 0003 gone stands above it."
    for form in ("\n".join(chronicle_lines(found)), markdown_text(found), Read(html_page(found)).text):
        assert form.count(line) == 2


def test_the_lines_of_a_file_are_numbered(sqlite_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    page = html_page(chronicle(sqlite_url, folder))
    assert '<pre class="numbered"><span>-- Two tables\n</span><span>CREATE TABLE old' in page
