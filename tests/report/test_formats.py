"""`sessmig report`: text, Markdown, JSON and HTML of the same chronicle, and the options that choose."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from sessmig import CheckError
from sessmig.report_html import html_page
from sessmig.report_markdown import LONGEST, markdown_text
from sessmig.report_text import chronicle_lines
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.report.shop import FILES, Read, chronicle, page_of, write_log
from tests.run.doing import migrate, roll_back

Probes = Callable[[str], Probe]
ROOT = Path(__file__).parents[2]
FAILING = FILES | {"0002_merge.sql": "INSERT INTO new VALUES (9, NULL);\n"}
EVERYTHING = (
    "0001 tables",
    "0002 merge",
    "Merge old into new",
    "old into new",
    "no name",
    "no row without a name",
    "rows of salt",
    "sea salt",
    "rows_before",
)


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_each_format_tells_steps_merges_checks_warnings_and_measures(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli, form: str
) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    done = cli("report", "--format", form, "-d", sqlite_url, "--dir", folder)
    assert (done.returncode, done.stderr) == (0, "")
    plain = done.stdout.replace("\\_", "_")
    missing = {word for word in EVERYTHING if word not in plain}
    assert missing == set()


def test_text_tells_the_same_as_migrate_did_and_the_way_back(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations(FILES)
    place = ("-d", database_url, "--dir", folder)
    migrated = cli("migrate", "--no-backup", *place).stdout
    told = cli("report", *place).stdout
    body = migrated[migrated.index("  merge old into new") : migrated.index("\n\n2 migrations")]
    assert body in told
    number = chronicle(database_url, folder).runs[0].number
    lines = told.splitlines()
    assert lines[1] == "2 of 2 migrations applied"
    assert f"Run {number}: migrate, 2 applied" in lines
    assert lines[-6:] == [
        "4 source rows merged: 1 inserted, 1 identical, 1 differing, 1 rejected",
        "3 checks held, 1 warning (1 row), 0 rows taken away",
        "the way back, the newest first",
        f"  0002 merge: {folder / '0002_merge.rollback.sql'}",
        f"    -> sessmig rollback -d {database_url} --dir {folder}",
        f"  0001 tables: {folder / '0001_tables.rollback.sql'}",
    ]


def test_json_has_it_all(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    told = json.loads(cli("report", "--json", "-d", database_url, "--dir", folder).stdout)
    assert told["digest"]["rows"] == {
        "source": 4,
        "inserted": 1,
        "identical": 1,
        "differing": 1,
        "rejected": 1,
        "merges": 1,
    }
    (run,) = told["runs"]
    step = run["attempts"][1]
    assert (run["kind"], run["outcome"], step["result"], step["text"]) == (
        "migrate",
        "success",
        "applied",
        FILES["0002_merge.sql"],
    )
    assert step["step"]["merges"][0]["rejected"] == [["no name", 1]]
    assert {"verb": "check", "name": "no row without a name", "query": "SELECT id FROM new WHERE name IS NULL"} in step[
        "queries"
    ]
    assert [(one["table"], one["after"]) for one in run["tables"]] == [("new", 3), ("old", 4)]
    assert [way["kind"] for way in told["ways_back"]] == ["rollback", "rollback"]


def test_json_is_the_same_by_either_option(sqlite_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    one, two = (
        json.loads(cli("report", *option, "-d", sqlite_url, "--dir", folder).stdout)
        for option in (["--json"], ["--format", "json"])
    )
    assert one | {"made_at": ""} == two | {"made_at": ""}


def test_json_and_another_format_are_refused(sqlite_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    done = cli("report", "--json", "--format", "html", "-d", sqlite_url, "--dir", migrations(FILES))
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["what"] == "both --json and --format html are given"


def test_markdown_has_the_account_as_a_table_and_folds_what_held(
    database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    text = markdown_text(chronicle(database_url, folder))
    assert "| rejected: no name | 1 | 25.0 % |" in text
    assert "<details><summary>✅ 2 checks held</summary>" in text
    html = MarkdownIt("commonmark").enable("table").render(text)
    tags = [tag for tag, _ in Read(html).elements]
    assert tags.count("details") == html.count("</details>") > 3
    assert tags.count("table") >= 6


def test_markdown_is_cut_to_what_a_pull_request_takes_and_says_so(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    whole = markdown_text(chronicle(sqlite_url, folder))
    assert "Left out" not in whole
    database = probe(sqlite_url)
    database.execute("BEGIN")
    for number in range(400):
        write_log(database, detail=json.dumps({"run": f"{number}", "error": f"{number}:" + "x" * 300}))
    database.execute("COMMIT")
    text = markdown_text(chronicle(sqlite_url, folder))
    assert len(text) <= LONGEST
    assert "_Left out, as it would be longer than a pull request takes: the queries, statements, measures" in text
    assert "older runs. `sessmig report` has it all._" in text
    assert "399:xxx" in text
    assert "### The way back" in text


def test_a_run_of_its_own_that_is_too_long_is_cut_too(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    write_log(probe(sqlite_url), detail=json.dumps({"error": "x\n" * 50_000}))
    text = markdown_text(chronicle(sqlite_url, folder, "last"))
    assert len(text) <= LONGEST + 200
    assert text.endswith(
        "_Left out, as it would be longer than a pull request takes: the rest. `sessmig report` has it all._"
    )


def test_the_page_shows_every_check_with_its_query_and_where_each_row_went(
    database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    page = Read(page_of(database_url, folder))
    for told in (
        "2 of 2 migrations applied",
        "✓ held no row without a name",
        "SELECT id FROM new WHERE name IS NULL",
        "! warning rows of salt",
        "SELECT id, name FROM new WHERE name LIKE '%salt'",
        "merge: old into new on id comparing name reject: no name where name IS NULL differing: keep",
        "4 source rows",
        "1 row · 25.0 % inserted",
        "1 row · 25.0 % rejected: no name",
        str(folder / "0002_merge.rollback.sql"),
    ):
        assert told in page.text
    labels = [attributes.get("aria-label") for tag, attributes in page.elements if tag == "svg"]
    assert "4 source rows: 1 inserted, 1 identical, 1 differing, 1 rejected: no name" in labels


def test_the_page_of_a_log_without_queries_says_that_the_file_has_them(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    ((detail,),) = probe(database_url).rows("SELECT CAST(detail AS TEXT) FROM schema_migrations_log WHERE version = 2")
    older = {name: value for name, value in json.loads(detail).items() if name not in ("queries", "run", "measured")}
    probe(database_url).execute("DELETE FROM schema_migrations_log")
    write_log(probe(database_url), version=2, migration_id="merge", detail=json.dumps(older))
    text = Read(page_of(database_url, folder)).text
    assert "The log of sessmig 0.0.9 does not hold its query; the file does." in text
    assert "✓ held no row without a name" in text


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_a_failure_is_shown_with_what_the_database_held_after_it(
    database_url: str, migrations: WriteMigrations, form: str
) -> None:
    folder = migrations(FAILING)
    with pytest.raises(CheckError):
        migrate(database_url, folder)
    found = chronicle(database_url, folder)
    shown = {
        "text": lambda: "\n".join(chronicle_lines(found)),
        "markdown": lambda: markdown_text(found),
        "html": lambda: html_page(found),
    }[form]()
    assert "nothing of 0002_merge stays." in shown
    assert "check failed: no row without a name" in shown
    assert "1 of 2 migrations applied, 1 pending, the last run failed" in shown


def test_sums_count_only_what_was_committed(sqlite_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FAILING)
    with pytest.raises(CheckError):
        migrate(sqlite_url, folder)
    digest = json.loads(cli("report", "--json", "-d", sqlite_url, "--dir", folder).stdout)["digest"]
    assert (digest["rows"]["source"], digest["failed"], digest["warned"]) == (0, 2, 0)


def test_run_tells_of_one_run_alone(sqlite_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    roll_back(sqlite_url, folder)
    first, last = (run.number for run in chronicle(sqlite_url, folder).runs)
    place = ("-d", sqlite_url, "--dir", folder)
    assert f"Run {first}: " in cli("report", "--run", str(first), *place).stdout
    told = cli("report", "--run", "last", *place).stdout
    assert (f"Run {last}: rollback, 1 rolled back" in told, f"Run {first}: " in told) == (True, False)
    assert f"this tells of run {last} alone, of 2" in told


@pytest.mark.parametrize(
    ("run", "said"),
    [("first", "--run first: not a number"), ("99", "run 99: there is none of this number")],
)
def test_a_run_that_is_none_is_refused(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli, run: str, said: str
) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    done = cli("report", "--run", run, "-d", sqlite_url, "--dir", folder)
    assert (done.returncode, done.stdout, done.stderr.splitlines()[0]) == (2, "", said)


def test_a_database_that_there_is_not_is_not_made(migrations: WriteMigrations, cli: Cli, tmp_path: Path) -> None:
    done = cli("report", "--db", tmp_path / "none.db", "--dir", migrations(FILES))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == f"sqlite:///{tmp_path / 'none.db'}: there is no such database"
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("name", "begins"), [("a.md", "## Migrations"), ("a.html", "<!DOCTYPE"), ("a.json", "{"), ("a.txt", "shop on ")]
)
def test_the_ending_of_the_file_decides_where_no_format_is_given(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli, tmp_path: Path, name: str, begins: str
) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    done = cli("report", "-o", tmp_path / name, "-d", sqlite_url, "--dir", folder)
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert done.stdout.startswith(f"wrote {tmp_path / name}, ")
    assert text.startswith(begins)
    assert text.endswith("\n")


def test_a_format_that_is_given_wins_over_the_ending(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli, tmp_path: Path
) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    cli("report", "--format", "json", "-o", tmp_path / "a.html", "-d", sqlite_url, "--dir", folder)
    assert json.loads((tmp_path / "a.html").read_text())["series"] == "shop"


def test_a_text_file_names_commands_that_can_be_pasted(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli, tmp_path: Path
) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    cli("report", "-o", tmp_path / "a.txt", "-d", sqlite_url, "--dir", folder)
    assert f"-> sessmig rollback -d {sqlite_url} --dir {folder}\n" in (tmp_path / "a.txt").read_text()


def test_a_dash_is_standard_output(sqlite_url: str, migrations: WriteMigrations, cli: Cli, tmp_path: Path) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    assert cli("report", "-o", "-", "-d", sqlite_url, "--dir", folder).stdout.startswith("shop on ")
    assert not (tmp_path / "-").exists()


def test_without_jinja_html_is_refused_naming_the_extra_and_all_else_works(
    sqlite_url: str, migrations: WriteMigrations, tmp_path: Path
) -> None:
    """Runs without the virtualenv's packages, but for the two that the command line cannot do without."""
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in ("click", "dotenv"):
        (packages / name).symlink_to(Path(str(__import__(name).__file__)).parent)
    environment = {"PYTHONPATH": f"{ROOT}{os.pathsep}{packages}", "PATH": os.environ["PATH"]}

    def report(form: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-S",
            "-m",
            "sessmig",
            "report",
            "--format",
            form,
            "-d",
            sqlite_url,
            "--dir",
            str(folder),
        ]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    html = report("html")
    assert (html.returncode, html.stdout) == (2, "")
    assert html.stderr.splitlines() == [
        "--format html needs Jinja2, which is not installed",
        "Nothing was read or written.",
        "pip install 'sessmig[html]' brings it; --format markdown, text and json need nothing more.",
    ]
    assert report("markdown").returncode == 0


def test_make_report_writes_the_page_to_build_and_takes_more_options() -> None:
    command = ["make", "--dry-run", "--no-print-directory", "report", "DATABASE_URL=app.db", "ARGS=--run last"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    shown = "sessmig report  --dir sql/webui_sessions -o build/report.html --run last"
    assert done.stdout.splitlines()[-1].endswith(shown)
    assert (
        "report.html" in subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    )
