"""`migrate --plan` runs what was signed, and stops with exit 4 where anything differs, saying exactly what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from sessmig import Event, FileError, PlanError, UsageError, aensure_migrations, ensure_migrations
from tests.adopt.inside import Done, Inside
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer
from tests.plan.pictures import Probes, ledger
from tests.plan.shop import FILES, MOVE

_REMEDY = "Put back what differs; or make the plan anew"


@pytest.fixture
def plan(inside: Inside, database_url: str, shop: Path, tmp_path: Path) -> Path:
    """A plan of the small series, with its first step applied."""
    ensure_migrations(database_url, shop, to=1, backup="never")
    path = tmp_path / "plan.json"
    assert inside("plan", "-d", database_url, "--dir", shop, "--out", path).returncode == 0
    return path


@pytest.fixture
def signed(inside: Inside, database_url: str, shop: Path, plan: Path) -> Callable[..., Done]:
    """Run the plan."""
    return lambda *options: inside(
        "migrate", "-d", database_url, "--dir", shop, "--no-backup", "--plan", plan, *options
    )


def _refused(done: Done, plan: Path, *lines: str) -> None:
    assert done.returncode == 4
    told = done.stderr.splitlines()
    assert told[0] == f"{plan}: this is not what was signed:"
    assert told[1 : len(lines) + 1] == [f"  {line}" for line in lines]
    assert told[len(lines) + 1] == "Nothing was touched."
    assert told[len(lines) + 2].startswith(_REMEDY)


def test_a_plan_that_fits_is_run(
    signed: Callable[..., Done], database_url: str, probe: Probes, plan: Path, shop: Path
) -> None:
    done = signed()
    assert done.returncode == 0, done.stderr
    assert [row[1:5:3] for row in ledger(probe(database_url))] == [(1, "success"), (2, "success")]


def test_the_file_has_the_hash_of_each_file_the_ledger_and_the_wish(plan: Path, shop: Path, database_url: str) -> None:
    told = json.loads(plan.read_text())
    (step,) = told["steps"]
    assert step["title"] == "0002_residents"
    assert {part: file["sha256"] for part, file in step["files"].items()} == {
        part: sha256(FILES[f"0002_residents{middle}.sql"].encode()).hexdigest()
        for part, middle in (("migration", ""), ("verify", ".verify"), ("rollback", ".rollback"))
    }
    assert [(row["version"], row["status"]) for row in told["ledger"]] == [(1, "success")]
    assert [held["title"] for held in told["held"]] == ["0003_clean"]
    assert told["wish"] == {"to": None, "only": None, "allow_late": False, "ahead": "error", "ignore_wait": False}
    assert step["may_lose"] == "customers.city"


def _write(name: str, text: str) -> Callable[[Path], object]:
    return lambda shop: (shop / name).write_text(text)


def _short(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


CHANGES = {
    "the migration": (
        _write("0002_residents.sql", MOVE + "-- more\n"),
        f"0002_residents: the file: {_short(MOVE)} then, {_short(MOVE + '-- more' + chr(10))} now",
    ),
    "the verify file": (
        lambda shop: (shop / "0002_residents.verify.sql").unlink(),
        f"0002_residents: its verify file: {_short(FILES['0002_residents.verify.sql'])} then, none now",
    ),
    "the rollback file": (
        _write("0002_residents.rollback.sql", "DROP TABLE residents;\n"),
        f"0002_residents: its rollback file: {_short(FILES['0002_residents.rollback.sql'])} then, "
        f"{_short('DROP TABLE residents;' + chr(10))} now",
    ),
    "a rollback's verify file that is new": (
        _write("0002_residents.rollback.verify.sql", "-- check: none\nSELECT 1 WHERE 1 = 2;\n"),
        "0002_residents: its rollback's verify file: none then, "
        f"{_short('-- check: none' + chr(10) + 'SELECT 1 WHERE 1 = 2;' + chr(10))} now",
    ),
    "a new migration": (
        _write("0004_new.sql", "SELECT 1;\n"),
        "0004_new: would run now, and is not in what was signed",
    ),
}


@pytest.mark.parametrize(("change", "line"), CHANGES.values(), ids=CHANGES.keys())
def test_a_file_that_differs_stops_it(
    signed: Callable[..., Done],
    shop: Path,
    plan: Path,
    database_url: str,
    probe: Probes,
    change: Callable[[Path], object],
    line: str,
) -> None:
    before = probe(database_url).snapshot(exclude=())
    change(shop)
    _refused(signed(), plan, line)
    assert probe(database_url).snapshot(exclude=()) == before


EDITS: Final[dict[str, tuple[Callable[[Any], object], str]]] = {
    "what it may lose": (
        lambda told: told["steps"][0].update(may_lose="nothing"),
        "steps: 0002_residents: may_lose: nothing then, customers.city now",
    ),
    "the description": (
        lambda told: told["steps"][0].update(description="Harmless"),
        "steps: 0002_residents: description: Harmless then, Each city to a table of its own now",
    ),
    "how it runs": (lambda told: told["steps"][0].update(runs="x"), "steps: 0002_residents: runs: x then, 3 st"),
    "the way back": (lambda told: told["steps"][0].update(way_back="x"), "steps: 0002_residents: way_back: x then"),
    "a path": (
        lambda told: told["steps"][0]["files"]["migration"].update(path="0002_other.sql"),
        "steps: 0002_residents: files: migration: path: 0002_other.sql then, 0002_residents.sql now",
    ),
    "what is held": (lambda told: told.update(held=[]), "held: none then, 0003_clean now"),
    "the version of sessmig": (lambda told: told.update(sessmig="9.9"), "sessmig: 9.9 then, "),
    "a step twice": (
        lambda told: told["steps"].append(told["steps"][0]),
        "steps: 0002_residents, 0002_residents then, 0002_residents now",
    ),
    "a name that nobody knows": (lambda told: told.update(note="safe"), "note: safe then, nothing now"),
    "a fact less": (lambda told: told["steps"][0].pop("asks"), "steps: 0002_residents: asks: nothing then, "),
    "a version": (lambda told: told["steps"][0].update(version=3), "steps: 0002_residents: version: 3 then, 2 now"),
}


def test_an_edit_of_anything_that_is_read_in_a_plan_stops_it(
    signed: Callable[..., Done], plan: Path, database_url: str, probe: Probes
) -> None:
    text = plan.read_text()
    before = probe(database_url).snapshot(exclude=())
    for name, (edit, line) in EDITS.items():
        told = json.loads(text)
        edit(told)
        plan.write_text(json.dumps(told))
        done = signed()
        assert done.returncode == 4, name
        assert done.stderr.splitlines()[1].startswith(f"  {line}"), name
    plan.write_text(text.replace('"table":', '"made_by": "them",\n  "table":'))
    done = signed()
    assert (done.returncode, done.stderr.splitlines()[0].partition(": ")[2]) == (
        1,
        "is no plan that sessmig wrote: 'made_by' stands twice in it",
    )
    assert probe(database_url).snapshot(exclude=()) == before


def test_two_steps_that_were_turned_round_and_locks_that_were_edited_stop_it(
    inside: Inside, shop: Path, tmp_path: Path, postgres_url: str
) -> None:
    plan = tmp_path / "plan.json"
    inside("plan", "-d", postgres_url, "--dir", shop, "--out", plan)
    text = plan.read_text()
    edits: tuple[tuple[Callable[[Any], object], str], ...] = (
        (lambda told: told["steps"].reverse(), "steps: 0002_residents, 0001_customers then, 0001_customers, 0002_resi"),
        (lambda told: told["steps"][1].pop("locks"), "steps: 0002_residents: locks: nothing then"),
        (
            lambda told: told["steps"][1]["locks"][0].update(mode="ACCESS SHARE"),
            "steps: 0002_residents: locks: 1: mode: ACCESS SHARE then, SHARE now",
        ),
    )
    for edit, line in edits:
        told = json.loads(text)
        edit(told)
        plan.write_text(json.dumps(told))
        done = inside("migrate", "-d", postgres_url, "--dir", shop, "--plan", plan)
        assert done.returncode == 4
        assert done.stderr.splitlines()[1].startswith(f"  {line}")


def test_a_plan_is_run_from_another_folder_and_by_another_way_to_write_it(
    inside: Inside, shop: Path, plan: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop)
    assert inside("migrate", "-d", database_url, "--dir", ".", "--series", "shop", "--plan", plan).returncode == 0


def test_log_and_report_tell_by_which_plan_a_step_was_run(
    inside: Inside, shop: Path, signed: Callable[..., Done], plan: Path, database_url: str, probe: Probes
) -> None:
    assert signed().returncode == 0
    detail = probe(database_url).value("SELECT CAST(detail AS TEXT) FROM schema_migrations_log WHERE version = 2")
    told = json.loads(plan.read_text())
    words = f"SHA-256 {sha256(plan.read_bytes()).hexdigest()}, made by {told['made_by']} at {told['made_at']} UTC"
    assert json.loads(detail)["signed_plan"] == words
    for command in (("log", "--version", "2"), ("report",)):
        assert f"signed plan: {words}" in inside(command[0], "-d", database_url, "--dir", shop, *command[1:]).stdout


def test_out_says_the_hash_of_what_it_wrote(inside: Inside, shop: Path, plan: Path, database_url: str) -> None:
    done = inside("plan", "-d", database_url, "--dir", shop, "--out", plan)
    assert done.stdout.rstrip().endswith(f", SHA-256 {sha256(plan.read_bytes()).hexdigest()}")


def test_a_pair_file_with_other_line_ends_is_the_same(signed: Callable[..., Done], shop: Path) -> None:
    path = shop / "0002_residents.verify.sql"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert signed().returncode == 0


def test_a_step_that_is_applied_since_stops_it(
    signed: Callable[..., Done], shop: Path, plan: Path, database_url: str, probe: Probes
) -> None:
    ensure_migrations(database_url, shop, backup="never")
    before = probe(database_url).snapshot(exclude=())
    _refused(
        signed(),
        plan,
        "0002_residents: signed to run, and is applied now",
        f"ledger: shop 2: no row then, residents success ({_short(MOVE)}) now",
    )
    assert probe(database_url).snapshot(exclude=()) == before


def test_a_step_whose_wait_is_over_since_stops_it(
    signed: Callable[..., Done], inside: Inside, shop: Path, plan: Path, database_url: str
) -> None:
    signed()
    inside("plan", "-d", database_url, "--dir", shop, "--ignore-wait", "--out", plan)
    told = json.loads(plan.read_text())
    told["wish"]["ignore_wait"] = False
    plan.write_text(json.dumps(told))
    done = signed()
    assert done.returncode == 4
    assert "  0003_clean: signed to run, and is held until " in done.stderr


def test_a_ledger_that_differs_stops_it(
    signed: Callable[..., Done], plan: Path, database_url: str, probe: Probes
) -> None:
    probe(database_url).execute("UPDATE schema_migrations SET checksum = NULL")
    done = signed()
    short = _short(FILES["0001_customers.sql"])
    _refused(done, plan, f"ledger: shop 1: customers success ({short}) then, customers success (none) now")


def test_another_database_stops_it(
    inside: Inside, shop: Path, plan: Path, database_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if "sqlite" in database_url:
        other = f"sqlite:///{tmp_path / 'other.db'}"
        line = f"  database: file {database_url.removeprefix('sqlite:///')} then, {tmp_path / 'other.db'} now"
    else:
        other = request.getfixturevalue("new_postgres_url")()
        line = f"  database: name {database_url.rpartition('/')[2]} then, {other.rpartition('/')[2]} now"
    ensure_migrations(other, shop, to=1, backup="never")
    done = inside("migrate", "-d", other, "--dir", shop, "--plan", plan)
    assert done.returncode == 4
    assert line in done.stderr.splitlines()


def test_another_ledger_and_another_series_stop_it(inside: Inside, shop: Path, plan: Path, database_url: str) -> None:
    done = inside("migrate", "-d", database_url, "--dir", shop, "--plan", plan, "--table", "t", "--series", "s")
    assert done.returncode == 4
    assert "  series: shop then, s now" in done.stderr.splitlines()
    assert "  ledger: schema_migrations then, t now" in done.stderr.splitlines()


def test_what_somebody_does_meanwhile_stops_it_under_the_lock(
    shop: Path, plan: Path, database_url: str, probe: Probes
) -> None:
    def meddle(event: Event) -> None:
        if event.kind == "step":
            probe(database_url).execute("UPDATE schema_migrations SET status = 'baseline' WHERE version = 1")

    with pytest.raises(PlanError) as raised:
        ensure_migrations(database_url, shop, plan=plan, backup="never", on_event=meddle)
    short = _short(FILES["0001_customers.sql"])
    line = f"  ledger: shop 1: customers success ({short}) then, customers baseline ({short}) now"
    assert raised.value.what.splitlines()[1:] == [line]
    assert "residents" not in probe(database_url).tables()


def test_the_api_runs_a_plan(shop: Path, plan: Path, database_url: str) -> None:
    report = ensure_migrations(database_url, shop, plan=plan, backup="never")
    assert [step.title for step in report.steps] == ["0002_residents"]
    with pytest.raises(PlanError, match="signed to run, and is applied now"):
        ensure_migrations(database_url, shop, plan=plan, backup="never")


def test_an_event_loop_runs_a_plan(shop: Path, plan: Path, database_url: str) -> None:
    report = asyncio.run(aensure_migrations(database_url, shop, plan=plan, backup="never"))
    assert [step.title for step in report.steps] == ["0002_residents"]


def test_a_database_that_is_not_there_yet_is_signed_for(
    inside: Inside, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inside("plan", "--db", "new.db", "--dir", shop, "--out", "plan.json")
    other = inside("migrate", "--db", "other.db", "--dir", shop, "--plan", "plan.json")
    assert other.returncode == 4
    assert f"  database: file {tmp_path}/new.db then, {tmp_path}/other.db now" in other.stderr.splitlines()
    assert not (tmp_path / "other.db").exists()
    assert inside("migrate", "-d", tmp_path / "new.db", "--dir", shop, "--plan", "plan.json").returncode == 0


def test_whoever_has_no_rights_but_their_own_signs_too(
    inside: Inside, shop: Path, tmp_path: Path, postgres_server: PostgresServer, postgres_url: str
) -> None:
    role = postgres_server.new_role()
    postgres_server.execute(f'ALTER DATABASE "{postgres_url.rpartition("/")[2]}" OWNER TO "{role}"')
    url, path = postgres_server.url(postgres_url, user=role), tmp_path / "plan.json"
    assert inside("plan", "-d", url, "--dir", shop, "--out", path).returncode == 0
    assert inside("migrate", "-d", url, "--dir", shop, "--plan", path).returncode == 0


def test_a_plan_has_its_own_wish(
    inside: Inside, shop: Path, plan: Path, database_url: str, signed: Callable[..., Done]
) -> None:
    for option in (("--to", "2"), ("--only", "2"), ("--allow-late",), ("--ahead", "ok"), ("--ignore-wait",)):
        done = signed(*option)
        assert done.returncode == 2
        assert done.stderr.startswith("--plan beside --to, --only, --allow-late, --ahead or --ignore-wait")
    for wish in ({"to": 2}, {"ahead": "ok"}):
        with pytest.raises(UsageError, match="what is to run is signed"):
            ensure_migrations(database_url, shop, plan=plan, **wish)
    inside("plan", "-d", database_url, "--dir", shop, "--only", "3", "--ignore-wait", "--out", plan)
    assert signed("--dry-run").returncode == 0
    assert "0003 clean, applied" in signed().stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no json", "it is no JSON (Expecting value: line 1 column 1 (char 0))"),
        ("[1]", "it does not say so"),
        ('{"kind": "sessmig plan", "format": 2}', "its format is 2, and this version knows 1"),
        ('{"kind": "sessmig plan", "format": 1}', "something is missing in it, or of another kind ('wish')"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(
    inside: Inside, sqlite_url: str, migrations: WriteMigrations, tmp_path: Path, text: str, why: str
) -> None:
    path, folder = tmp_path / "plan.json", migrations(FILES)
    path.write_text(text)
    done = inside("migrate", "-d", sqlite_url, "--dir", folder, "--plan", path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"{path}: is no plan that sessmig wrote: {why}"
    assert not Path(sqlite_url.removeprefix("sqlite:///")).exists()
    with pytest.raises(FileError, match="cannot be read: No such file or directory"):
        ensure_migrations(sqlite_url, folder, plan=tmp_path / "none.json")
