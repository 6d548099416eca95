"""squawk is asked about PostgreSQL's locks: what it finds is shown as lint's own, at the right line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sessmig import SessmigError
from sessmig.lint import LOCKING, lint
from sessmig.lint.squawk import NOT_INSTALLED, found_squawk
from tests.fixtures.processes import Cli
from tests.lint.looking import Looker

INDEX = "CREATE INDEX i ON orders (total);\n"
ALLOW = "-- sessmig: allow require-concurrent-index-creation the table is small\n"


def by_squawk(looker: Looker, text: str, name: str = "0002_x.sql") -> list[tuple[int, str]]:
    report = looker.report({"0002_x.sql": "SELECT 1;", name: text}, "postgres")
    assert report.notes == ()
    return [(f.line, f.rule) for f in report.findings if f.source == "squawk"]


def test_squawk_is_installed_wherever_these_tests_run() -> None:
    assert found_squawk()


LOCKS = {
    "adding-field-with-default": "ALTER TABLE orders ADD COLUMN a TIMESTAMPTZ DEFAULT clock_timestamp();",
    "adding-foreign-key-constraint": (
        "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (total) REFERENCES customers (id);"
    ),
    "adding-not-nullable-field": "ALTER TABLE orders ALTER COLUMN total SET NOT NULL;",
    "adding-required-field": "ALTER TABLE orders ADD COLUMN a INTEGER NOT NULL;",
    "adding-serial-primary-key-field": "ALTER TABLE orders ADD COLUMN a SERIAL PRIMARY KEY;",
    "changing-column-type": "ALTER TABLE orders ALTER COLUMN total TYPE TEXT;",
    "constraint-missing-not-valid": "ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0);",
    "disallowed-unique-constraint": "ALTER TABLE orders ADD CONSTRAINT u UNIQUE (total);",
    "prefer-repack": "-- sessmig: no-transaction\nVACUUM FULL orders;",
    "require-concurrent-index-creation": INDEX,
    "require-concurrent-index-deletion": "DROP INDEX i;",
    "require-concurrent-partition-detach": "ALTER TABLE orders DETACH PARTITION p;",
    "require-concurrent-reindex": "REINDEX TABLE orders;",
    "syntax-error": "ALTER TABLE orders ADD COLUMN;",
}


def test_each_locking_rule_is_tried_here() -> None:
    assert tuple(LOCKS) == LOCKING


def test_squawk_knows_every_locking_rule(looker: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".squawk.toml").write_text('pg_version = "19.0"\n')  # the first that has REPACK
    monkeypatch.chdir(tmp_path)
    files = {f"{n:04}_x.sql": text for n, text in enumerate(LOCKS.values(), 2)}
    found = {(f.path.name, f.rule) for f in looker.report(files, "postgres").findings if f.source == "squawk"}
    assert {(name, rule) for name, rule in zip(files, LOCKS, strict=True)} <= found


def test_a_finding_bears_squawks_words_and_stands_at_its_statement(looker: Looker) -> None:
    text = f"-- Ä\n\nSELECT 1; SELECT 2;\n/* a\n   b */ SELECT 3;\n\n{INDEX}"
    report = looker.report({"0002_x.sql": text}, "postgres")
    (finding,) = report.findings
    assert (finding.line, finding.source, finding.page) == (7, "squawk", "docs/lint/squawk.md")
    assert finding.what.startswith("During normal index creation, table updates are blocked")
    assert finding.remedy == "Use `concurrently` to avoid blocking writes."


def test_a_statement_behind_another_on_its_line_is_found_there(looker: Looker) -> None:
    assert by_squawk(looker, f"SELECT 1; {INDEX}{INDEX}") == [
        (1, "require-concurrent-index-creation"),
        (2, "require-concurrent-index-creation"),
    ]


@pytest.mark.parametrize(
    "text", [f"BEGIN;\n{INDEX}COMMIT;\n", f"-- squawk-ignore require-concurrent-index-creation\n{INDEX}"]
)
def test_neither_a_begin_nor_squawks_own_waiver_hides_anything(text: str, looker: Looker) -> None:
    assert by_squawk(looker, text) == [(2, "require-concurrent-index-creation")]


def test_what_is_no_lock_is_left_to_others(looker: Looker) -> None:
    text = "CREATE TABLE z (a SERIAL PRIMARY KEY, b VARCHAR(10), c TIMESTAMP);\nDROP TABLE old_customers;\n"
    assert by_squawk(looker, text) == []


def test_the_bounds_of_a_batch_are_no_syntax_error(looker: Looker) -> None:
    batch = (
        "-- sessmig: batch orders by id\n"
        "UPDATE orders SET total = 1 WHERE id BETWEEN :first AND :last AND total IS NULL;\n"
        f"{INDEX}"
    )
    assert by_squawk(looker, batch) == [(3, "require-concurrent-index-creation")]


def test_statements_that_are_commits_of_their_own_are_read_as_such(looker: Looker) -> None:
    steps = (
        "ALTER TABLE orders ADD CONSTRAINT c CHECK (total IS NOT NULL) NOT VALID;\n"
        "ALTER TABLE orders VALIDATE CONSTRAINT c;\n"
    )
    assert by_squawk(looker, steps) == [(2, "constraint-missing-not-valid")]
    assert by_squawk(looker, f"-- sessmig: no-transaction\n{steps}") == []


def test_rollback_files_are_asked_and_verify_files_are_not(looker: Looker) -> None:
    found = [(1, "require-concurrent-index-creation")]
    assert by_squawk(looker, INDEX, "0002_x.rollback.sql") == found
    verify = "-- measure: a\nSELECT 1;\n-- check: b\nSELECT 1 WHERE :a = 2;\n"
    assert by_squawk(looker, verify, "0002_x.verify.sql") == found  # the rollback's, which still stands there


def test_squawk_is_not_asked_about_sqlite(looker: Looker) -> None:
    assert looker.report({"0002_x.sql": INDEX}, "sqlite").findings == ()


def test_squawks_rules_are_waived_like_any_other(looker: Looker) -> None:
    report = looker.report({"0002_x.sql": f"SELECT 1;\n{ALLOW}{INDEX}{INDEX}"}, "postgres")
    assert [(f.line, f.rule) for f in report.findings] == [(4, "require-concurrent-index-creation")]
    assert [(f.line, f.reason) for f in report.waived] == [(3, "the table is small")]
    unused = looker.report({"0002_x.sql": f"{ALLOW}SELECT 1;\n"}, "postgres")
    assert [f.what for f in unused.findings] == ["a waiver of require-concurrent-index-creation that waives nothing"]


def test_without_squawk_lint_says_so_and_goes_on(looker: Looker, cli: Cli, tmp_path: Path) -> None:
    folder = looker.folder({"0002_x.sql": f"{ALLOW}{INDEX}DELETE FROM orders;\n"}, "postgres")
    # A Python of its own that has no squawk beside it.
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    code = "import sys; sys.executable = sys.argv[1]; from sessmig.cli import main; sys.exit(main(sys.argv[2:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(python), "lint", str(folder)],
        env={"PATH": "/nowhere", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"note: {NOT_INSTALLED}\n"
    assert "0002_x.sql:3: without-where: " in done.stdout
    assert "1 finding" not in done.stdout
    assert ": waiver: " not in done.stdout


def test_no_squawk_leaves_it_out_without_a_word(looker: Looker, cli: Cli) -> None:
    folder = looker.folder({"0002_x.sql": INDEX}, "postgres")
    done = cli("lint", folder)
    assert (done.returncode, "require-concurrent-index-creation (squawk)" in done.stdout) == (1, True)
    done = cli("lint", folder, "--no-squawk")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 findings in 2 files\n", "")


def _in_place_of_squawk(tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "other" / "squawk"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program.parent / "python"))


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'unknown rule: x' >&2; exit 2", "squawk failed: unknown rule: x"),
        ("exit 3", "squawk failed: exit code 3"),
        ("echo '{}'", "squawk failed: an answer that is no list"),
        ("echo '[{\"file\": 1}]'", "squawk failed: an answer that is not understood: {'file': 1}"),
    ],
)
def test_a_squawk_that_fails_is_an_error_and_not_silence(
    script: str, told: str, looker: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = looker.folder({"0002_x.sql": INDEX}, "postgres")
    _in_place_of_squawk(tmp_path, script, monkeypatch)
    with pytest.raises(SessmigError) as failed:
        lint([folder])
    assert failed.value.what == told
    assert failed.value.remedy == "Mend its settings (.squawk.toml), or lint without it: --no-squawk."


def test_squawks_settings_are_its_own(looker: Looker, cli: Cli, tmp_path: Path) -> None:
    folder = looker.folder({"0002_x.sql": INDEX}, "postgres")
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["require-concurrent-index-creation"]\n')
    done = cli("lint", folder, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "0 findings in 2 files\n")
