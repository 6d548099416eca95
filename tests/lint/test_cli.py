"""`sessmig lint`: its options, formats and exit codes, and which files it looks at."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest

from sessmig import __version__
from sessmig.lint import FORMATS, RULES, lint
from sessmig.lint_commands import FORMATS as OFFERED
from tests.fixtures.files import WriteMigrations
from tests.fixtures.processes import Cli
from tests.lint.conftest import Inside
from tests.lint.looking import TABLES, Looker, places

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((Path(__file__).parent / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
DELETE = "-- sessmig: irreversible it is so\n\nDELETE FROM orders;\n"
VERIFY = "-- check: none\nSELECT id FROM orders;\n"
FILES = {"0002_x.sql": DELETE, "0002_x.verify.sql": VERIFY}
PLACE = "sql/shop/sqlite/0002_x.sql"


@pytest.fixture
def folder(looker: Looker) -> Path:
    """One finding in three files; and one that is waived."""
    waived = (
        "-- sessmig: irreversible it is so\n"
        "-- sessmig: allow without-where 100%, so: it is\n"
        "-- sessmig: allow data-without-verify x\n\n"
    )
    return looker.folder({**FILES, "0003_y.sql": f"{waived}UPDATE orders SET total = 1;\n"})


def test_a_finding_is_told_with_file_line_and_way_out_and_the_exit_code_is_1(
    folder: Path, cli: Cli, tmp_path: Path
) -> None:
    done = cli("lint", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        f"{PLACE}:3: without-where: DELETE of every row of orders\n"
        "    Say which rows: WHERE …; if every row is meant, say so and why by a waiver.\n"
        "\n"
        "1 finding in 4 files, 2 waived\n"
        "Why: docs/lint/without-where.md of sessmig's documentation, and its like.\n"
        "Where one is meant: -- sessmig: allow RULE REASON, above the statement.\n"
    )


def test_where_nothing_is_found_the_exit_code_is_0(looker: Looker, inside: Inside) -> None:
    done = inside("lint", looker.folder({}))
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 findings in 1 file\n", "")


def test_lint_opens_no_database_and_writes_nothing(folder: Path, cli: Cli, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = cli("lint", folder, "--db", "app.db", cwd=tmp_path)
    assert done.returncode == 1
    assert cli("lint", folder, "-d", "postgresql://nobody@127.0.0.1:1/none").returncode == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("options", [("--json",), ("--format", "json"), ("--json", "--format", "json")])
def test_json_tells_findings_what_is_waived_and_why(options: tuple[str, ...], folder: Path, inside: Inside) -> None:
    done = inside("lint", *options)
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert list(said) == ["files", "findings", "waived", "notes"]
    assert (said["files"], said["notes"]) == (4, [])
    assert said["findings"] == [
        {
            "path": PLACE,
            "line": 3,
            "rule": "without-where",
            "source": "sessmig",
            "what": "DELETE of every row of orders",
            "remedy": "Say which rows: WHERE …; if every row is meant, say so and why by a waiver.",
            "page": "docs/lint/without-where.md",
        }
    ]
    assert [(w["line"], w["rule"], w["reason"]) for w in said["waived"]] == [
        (5, "data-without-verify", "x"),
        (5, "without-where", "100%, so: it is"),
    ]


def test_two_formats_at_once_are_refused(folder: Path, inside: Inside) -> None:
    done = inside("lint", folder, "--json", "--format", "sarif")
    assert (done.returncode, done.stderr) == (2, "both --json and --format sarif are given\nGive one of them.\n")
    assert json.loads(done.stdout)["error"]["exit_code"] == 2


def test_every_format_is_offered() -> None:
    assert list(OFFERED) == list(FORMATS)


def test_github_gets_a_command_a_finding(looker: Looker, inside: Inside) -> None:
    looker.folder({"0002_x.sql": "COMMIT; SELECT 1;", "0003_y.sql": DELETE, "0003_y.verify.sql": VERIFY})
    done = inside("lint", "--format", "github")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"::error file={PLACE},line=1,title=refused::`COMMIT` is transaction control, and the transaction is "
        "sessmig's. Leave it out: sessmig opens and commits the step's transaction itself. One plain BEGIN as the "
        "first statement and one COMMIT as the last are taken for that.",
        "::error file=sql/shop/sqlite/0003_y.sql,line=3,title=without-where::DELETE of every row of orders. Say which "
        "rows: WHERE …; if every row is meant, say so and why by a waiver.",
    ]


def test_what_github_would_read_as_its_own_is_escaped(migrations: WriteMigrations, inside: Inside) -> None:
    migrations({"0001_x.sql": 'CREATE TABLE "a%,b:c" (x INTEGER);\nDELETE FROM "a%,b:c";\n'}, series="50%, or: so")
    done = inside("lint", "--format", "github", "--dialect", "sqlite")
    lines = done.stdout.splitlines()
    assert (
        "::error file=sql/50%25%2C or%3A so/0001_x.sql,line=2,title=without-where::DELETE of every row of a%25,b:c."
        in (lines[-1].partition(" Say")[0])
    )


def test_github_is_told_what_was_not_asked(migrations: WriteMigrations, inside: Inside) -> None:
    migrations({"0001_x.sql": TABLES})
    done = inside("lint", "--format", "github")
    assert done.stdout == (
        "::notice title=sessmig lint::sql/shop: no dialect folder tells which database it is for; squawk is asked with "
        "--dialect postgres\n"
    )


def test_sarif_is_valid_against_its_schema_and_says_what_is_suppressed(folder: Path, inside: Inside) -> None:
    done = inside("lint", folder, "--format", "sarif")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(said)
    (run,) = said["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("sessmig lint", __version__)
    assert {rule.name for rule in RULES} < {rule["id"] for rule in driver["rules"]}
    first, *rest = run["results"]
    assert driver["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "without-where"
    place = first["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": PLACE}, "region": {"startLine": 3}}
    assert "suppressions" not in first
    assert [r["suppressions"] for r in rest] == [
        [{"kind": "inSource", "justification": "x"}],
        [{"kind": "inSource", "justification": "100%, so: it is"}],
    ]


def test_sarif_of_every_page_and_of_nothing_is_valid(migrations: WriteMigrations, looker: Looker) -> None:
    nothing = lint([looker.folder({})])
    odd = migrations({"0001_x.sql": "SELECT 'open"}, series="ein ödes Ding")
    for report in (nothing, lint([odd]), lint([ROOT / "sql"])):
        said = json.loads("".join(FORMATS["sarif"](report)))
        jsonschema.Draft4Validator(SCHEMA).validate(said)
    assert "ein%20%C3%B6des%20Ding/0001_x.sql" in "".join(FORMATS["sarif"](lint([odd])))


# Which files are looked at.


def test_a_folder_of_series_is_looked_through(migrations: WriteMigrations, inside: Inside, tmp_path: Path) -> None:
    migrations({"0001_x.sql": "CREATE TABLE a (x INTEGER);"}, series="one")
    migrations({"sqlite/0001_x.sql": "DELETE FROM a;"}, series="two")
    (tmp_path / "sql" / "notes").mkdir()
    (tmp_path / "sql" / "notes" / "README.md").write_text("no series")
    report = lint([tmp_path / "sql"])
    assert report.files == 2
    assert {f.path.parts[-3] for f in report.findings} == {"two"}
    assert inside("lint", "--dir", "sql/one").returncode == 0
    assert inside("lint", "sql/one", "sql/two").returncode == 1


def test_of_a_file_its_whole_migration_is_looked_at_and_no_other(looker: Looker, inside: Inside) -> None:
    looker.folder({**FILES, "0003_y.sql": DELETE})
    for name in ("0002_x.sql", "0002_x.verify.sql"):
        done = inside("lint", f"sql/shop/sqlite/{name}")
        assert done.returncode == 1
        assert re.findall(r"^\S+:\d+: \S+:", done.stdout, flags=re.MULTILINE) == [f"{PLACE}:3: without-where:"]
    assert inside("lint", "sql/shop/sqlite/0001_tables.sql").returncode == 0


def test_a_file_that_is_no_migrations_and_a_folder_without_any_are_told(
    looker: Looker, inside: Inside, tmp_path: Path
) -> None:
    folder = looker.folder({})
    (folder / "sqlite" / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    for path, code, said in (
        (
            "sql/shop/sqlite/notes.txt",
            1,
            "sql/shop/sqlite/notes.txt: no file of a migration\nGive files that end in .sql.\n",
        ),
        ("empty", 2, "empty: no migrations here\nGive a series folder, or a folder of such.\n"),
        ("nowhere", 2, "nowhere: no such file or folder\nGive a series folder, or files of one.\n"),
    ):
        done = inside("lint", path)
        assert (done.returncode, done.stderr) == (code, said)


def test_files_of_the_legacy_folder_are_passed_over(looker: Looker, tmp_path: Path) -> None:
    folder = looker.folder({})
    (folder / "legacy").mkdir()
    old = folder / "legacy" / "sqlite_1_schema.sql"
    old.write_text("DELETE FROM orders;")
    assert lint([old, folder / "sqlite" / "0001_tables.sql"]).files == 1


def test_a_folder_that_is_no_series_is_an_error(looker: Looker, inside: Inside) -> None:
    looker.folder({"x.sql": "SELECT 1;"})
    done = inside("lint")
    assert (done.returncode, done.stderr) == (
        1,
        "sql/shop/sqlite/x.sql: the file's name is not understood\n"
        "It has to be VERSION_name[.rollback][.verify].sql, with VERSION in digits and name in a-z, 0-9 and _.\n",
    )


def test_what_is_refused_in_one_migration_hides_no_other(looker: Looker) -> None:
    files = {"0002_x.sql": "-- sessmig: nonsense\nSELECT 1;", "0003_y.verify.sql": "-- chek: a\nSELECT 1;"}
    found = looker.all({**files, "0003_y.sql": "SELECT 1;", "0004_z.sql": DELETE, "0004_z.verify.sql": VERIFY})
    assert found == [
        ("0002_x.sql", 1, "refused"),
        ("0003_y.verify.sql", 1, "refused"),
        ("0004_z.sql", 3, "without-where"),
    ]


def test_from_looks_at_a_version_and_above_and_still_knows_the_tables_below(folder: Path, inside: Inside) -> None:
    assert inside("lint", "--from", "2").returncode == 1
    done = inside("lint", "--from", "3")
    assert (done.returncode, done.stdout) == (0, "0 findings in 1 file, 2 waived\n")
    (folder / "sqlite" / "0004_z.sql").write_text("REPLACE INTO orders (id, customer_id) VALUES (1, 1);\n")
    found = places(lint([folder], since=4).findings)
    assert [rule for _, _, rule in found] == ["data-without-rollback", "data-without-verify"]


def test_from_a_version_that_nothing_has_is_told(folder: Path, inside: Inside) -> None:
    done = inside("lint", "--from", "99")
    assert (done.returncode, done.stdout) == (0, "0 findings in 0 files\n")
    assert done.stderr == "note: no version 99 or above here: 3 is the highest, and nothing is looked at\n"


def test_where_all_is_refused_no_waiver_is_spoken_of(looker: Looker, inside: Inside) -> None:
    looker.folder({"0002_x.sql": "COMMIT; SELECT 1;"})
    done = inside("lint")
    assert done.returncode == 1
    assert "1 finding in 2 files" in done.stdout
    assert "allow RULE" not in done.stdout


def test_a_database_that_is_given_for_a_file_is_what_is_told_of(looker: Looker, inside: Inside, tmp_path: Path) -> None:
    looker.folder({})
    (tmp_path / "sqlite").mkdir()
    (tmp_path / "sqlite" / "odd.sql").touch()
    (tmp_path / "w.db").touch()
    done = inside("lint", "w.db")
    assert (done.returncode, done.stderr) == (1, "w.db: no file of a migration\nGive files that end in .sql.\n")


def test_each_dialects_folder_is_looked_at_with_its_own_rules_or_one_of_them_alone(
    migrations: WriteMigrations, inside: Inside
) -> None:
    text = (
        '-- sessmig: irreversible it is so\n\nUPDATE a SET x = "London" WHERE y = 1;\nSET LOCAL search_path TO shop;\n'
    )
    verify = "-- check: a\nSELECT 1 WHERE 1 = 0;"
    folder = migrations(
        {f"{d}/0001_x{v}.sql": t for d in ("sqlite", "postgres") for v, t in (("", text), (".verify", verify))}
    )

    def rules(*options: str) -> list[tuple[str, str]]:
        said = json.loads(inside("lint", "--json", *options).stdout)
        return [(Path(f["path"]).parent.name, f["rule"]) for f in said["findings"]]

    both = [("postgres", "search-path"), ("sqlite", "double-quoted-text")]
    assert rules() == both
    assert rules("--dialect", "sqlite") == both[1:]
    assert rules("--dialect", "postgres") == both[:1]
    assert rules("-d", "app.db") == both
    assert rules(str(folder / "sqlite")) == both[1:]


def test_a_series_without_dialect_folders_is_looked_at_for_both_unless_it_is_said_which(
    migrations: WriteMigrations, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = "-- sessmig: irreversible it is so\n-- sessmig: allow data-without-verify x\n\n"
    migrations(
        {
            "0001_x.sql": f'{head}UPDATE a SET x = "London" WHERE y = 1;\n'
            "SELECT set_config('search_path', 'x', true);\nCREATE INDEX i ON a (x);\n"
        }
    )

    def rules(*options: str) -> list[str]:
        said = json.loads(inside("lint", "--json", *options).stdout)
        return [f["rule"] for f in said["findings"]]

    lock = "require-concurrent-index-creation"
    assert rules() == ["double-quoted-text", "search-path"]
    assert rules("--dialect", "sqlite") == rules("--db", "app.db") == ["double-quoted-text"]
    assert rules("--dialect", "postgres") == ["search-path", lock]
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/none")
    assert rules() == ["search-path", lock]


def test_what_only_one_dialect_understands_is_refused_only_where_that_is_known(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_x.sql": "SELECT $$ it's $$;\n"})
    assert lint([folder]).findings == ()
    assert [f.rule for f in lint([folder], dialect="sqlite").findings] == ["refused"]


def test_where_there_are_no_files_of_a_dialect_that_is_said(looker: Looker, inside: Inside) -> None:
    done = inside("lint", looker.folder({}), "--dialect", "postgres")
    assert (done.returncode, done.stdout) == (0, "0 findings in 0 files\n")
    assert done.stderr == "note: no migration for postgres here\n"


# The hook for pre-commit.

HOOK = dict(
    re.findall(r"^  (\w+): (.*)$", (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"), flags=re.MULTILINE)
)


def test_the_hooks_entry_works_on_the_names_that_it_is_given(looker: Looker, cli: Cli, tmp_path: Path) -> None:
    looker.folder(FILES)
    program, *arguments = HOOK["entry"].split()
    assert program == "sessmig"
    given = [f"sql/shop/sqlite/{name}" for name in ("0001_tables.sql", *FILES)]
    done = cli(*arguments, *given, cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        1,
        f"{PLACE}:3: without-where: DELETE of every row of orders",
    )
    assert cli(*arguments, given[0], cwd=tmp_path).returncode == 0


def test_the_hook_is_given_migrations_and_what_stands_beside_them_alone() -> None:
    names = [os.path.relpath(path, ROOT) for path in sorted((ROOT / "sql").rglob("*.sql"))]
    assert names
    for name in names:
        assert bool(re.search(HOOK["files"], name)) is ("/legacy/" not in name), name
    assert not re.search(HOOK["files"], "sql/shop/0001_x.sql.orig")


def test_the_hook_brings_squawk_as_the_extra_does() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (extra,) = re.findall(r"^lint = (\[.*\])$", project, flags=re.MULTILINE)
    assert json.loads(extra) == json.loads(HOOK["additional_dependencies"])


# The series of this repository.


def test_in_all_series_of_this_repository_nothing_is_found_that_is_not_waived_with_a_reason() -> None:
    report = lint([ROOT / "sql"])
    assert [str(finding) for finding in report.findings] == []
    assert report.notes == ()  # squawk was asked
    assert report.files == len([p for p in (ROOT / "sql").rglob("*.sql") if p.parent.name != "legacy"])
    assert all(len(finding.reason.split()) > 3 for finding in report.waived)
