"""The plan: what is pending, every problem at once with its way out, and what each option changes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import PlanError, UsageError, ensure_migrations
from sessmig.files import checksum
from sessmig.model import Entry, Migration, Status
from sessmig.plan import Wish, make_plan
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import state

Opened = Callable[[str], Probe]


def table(name: str) -> str:
    return f"CREATE TABLE {name} (x INTEGER);\n"


def files(*names: str) -> dict[str, str]:
    return {f"{name}.sql": table(name.partition("_")[2]) for name in names}


def applied(probe: Probe) -> list[tuple[int, str]]:
    return probe.rows("SELECT version, migration_id FROM schema_migrations WHERE series = 'shop' ORDER BY version")


def migration(version: int, name: str = "m") -> Migration:
    return Migration("shop", version, f"{version:04}", name, Path(f"{version:04}_{name}.sql"), f"sum{version}")


def entry(
    version: int, status: Status = "success", name: str = "m", series: str = "shop", metadata: str = "{}"
) -> Entry:
    return Entry(series, version, name, status, f"sum{version}" if series == "shop" else None, metadata=metadata)


def pending(migrations: list[Migration], entries: list[Entry], **wish: object) -> list[int]:
    plan = make_plan(migrations, entries, Wish(**wish))  # type: ignore[arg-type]
    assert plan.problems == ()
    return [m.version for m in plan.pending]


def test_what_is_not_applied_is_pending_in_the_order_of_its_numbers(
    database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    folder = migrations(files("9_i", "0010_j"))
    ensure_migrations(database_url, folder)
    assert applied(probe(database_url)) == [(9, "i"), (10, "j")]
    migrations(files("20260131025202_t", "0100_c"))
    report = ensure_migrations(database_url, folder)
    assert [step.version for step in report.steps] == [100, 20260131025202]
    assert report.standing == 2
    assert ensure_migrations(database_url, folder).steps == ()


def test_every_problem_is_named_at_once_with_its_way_out(
    database_url: str, probe: Opened, cli: Cli, migrations: WriteMigrations
) -> None:
    folder = migrations(files("0002_b", "0004_d", "0006_f", "0008_h", "0009_i"))
    ensure_migrations(database_url, folder)
    database = probe(database_url)
    when = dict(database.rows("SELECT version, CAST(applied_at AS TEXT) FROM schema_migrations"))
    stamp = {version: str(moment)[:19] for version, moment in when.items()}
    (folder / "0004_d.sql").unlink()
    (folder / "0009_i.sql").unlink()
    (folder / "0006_f.sql").rename(folder / "0006_renamed.sql")
    migrations({"0002_b.sql": "-- More\n" + table("b"), **files("0005_late")})
    before = state(database)

    done = cli("migrate", "-d", database_url, "--dir", folder)
    old, new = (checksum(text.encode())[:12] for text in (table("b"), "-- More\n" + table("b")))
    assert (done.returncode, done.stdout) == (4, "")
    told = done.stderr.splitlines()
    assert told == [
        "5 problems in the plan:",
        f"changed: {folder}/0002_b.sql: changed after it was applied on {stamp[2]} (checksum {old} then, {new} now)",
        "    @@ -1 +1,2 @@",
        "    +-- More",
        "     CREATE TABLE b (x INTEGER);",
        "    -> Put the file back and write a new migration; or take it as it is now, without running it: "
        f"sessmig resign -d {database_url} --dir {folder} 2",
        f"missing: 4 d: applied on {stamp[4]}, but its file is gone",
        "    -> Put the file back (git log --diff-filter=D finds it)",
        f"late: {folder}/0005_late.sql: not applied, but 9 i above it is",
        "    -> Give it a higher version, or run it out of order with --allow-late",
        f"changed: {folder}/0006_renamed.sql: applied on {stamp[6]} under the name f",
        f"    -> Name the file back, or take it as it is now: sessmig resign -d {database_url} --dir {folder} 6",
        f"ahead: 9 i: applied on {stamp[9]}, above the newest file (8)",
        "    -> The database is ahead of this build: deploy the newer one, put a deleted file back, "
        "or accept it with --ahead ok",
        "Nothing was touched.",
    ]
    assert state(database) == before
    with pytest.raises(PlanError, match="5 problems in the plan"):
        ensure_migrations(database_url, folder)


def test_a_file_whose_old_text_is_not_known_is_told_by_both_checksums(
    database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    folder = migrations(files("0001_a"))
    ensure_migrations(database_url, folder)
    probe(database_url).execute("DELETE FROM schema_migrations_log")
    migrations({"0001_a.sql": "-- other"})
    with pytest.raises(PlanError) as refused:
        ensure_migrations(database_url, folder)
    head, change, way_out = refused.value.what.splitlines()
    assert head == "1 problem in the plan:"
    old, new = checksum(table("a").encode())[:12], checksum(b"-- other")[:12]
    assert change.endswith(f"(checksum {old} then, {new} now)")
    assert way_out.startswith("    -> Put the file back and write a new migration")


@pytest.mark.parametrize("pair", [".verify", ".rollback", ".rollback.verify"])
def test_a_pair_file_may_change_after_its_migration_was_applied(
    pair: str, database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({**files("0001_a"), "0001_a.rollback.sql": "DROP TABLE a;"})
    ensure_migrations(database_url, folder)
    migrations({f"0001_a{pair}.sql": "-- something else"})
    assert ensure_migrations(database_url, folder).applied == 0


def test_to_goes_up_to_a_version_and_no_further(database_url: str, probe: Opened, migrations: WriteMigrations) -> None:
    folder = migrations(files("0001_a", "0002_b", "0003_c"))
    report = ensure_migrations(database_url, folder, to=2)
    assert (report.applied, report.pending) == (2, ("0003_c",))
    assert applied(probe(database_url)) == [(1, "a"), (2, "b")]
    assert ensure_migrations(database_url, folder, to=1).applied == 0
    assert ensure_migrations(database_url, folder).applied == 1


def test_only_runs_one_and_the_lower_ones_are_late_then(
    database_url: str, probe: Opened, cli: Cli, migrations: WriteMigrations
) -> None:
    folder = migrations(files("0001_a", "0002_b", "0003_c"))
    assert cli("migrate", "-d", database_url, "--dir", folder, "--only", "2").returncode == 0
    assert applied(probe(database_url)) == [(2, "b")]
    done = cli("migrate", "-d", database_url, "--dir", folder)
    assert done.returncode == 4
    assert f"late: {folder}/0001_a.sql: not applied, but 2 b above it is" in done.stderr
    assert "0003_c" not in done.stderr
    assert applied(probe(database_url)) == [(2, "b")]
    assert cli("migrate", "-d", database_url, "--dir", folder, "--only", "1").returncode == 0
    assert cli("migrate", "-d", database_url, "--dir", folder, "--only", "1").returncode == 0
    assert cli("migrate", "-d", database_url, "--dir", folder).returncode == 0
    assert applied(probe(database_url)) == [(1, "a"), (2, "b"), (3, "c")]


def test_allow_late_runs_out_of_order(database_url: str, probe: Opened, cli: Cli, migrations: WriteMigrations) -> None:
    folder = migrations(files("0002_b"))
    ensure_migrations(database_url, folder)
    migrations(files("0001_a", "0003_c"))
    with pytest.raises(PlanError, match="late: "):
        ensure_migrations(database_url, folder)
    assert "a" not in probe(database_url).tables()
    assert cli("migrate", "-d", database_url, "--dir", folder, "--allow-late").returncode == 0
    assert {"a", "b", "c"} <= probe(database_url).tables()


def test_a_database_ahead_of_the_files_is_accepted_only_if_asked(
    database_url: str, cli: Cli, migrations: WriteMigrations
) -> None:
    folder = migrations(files("0001_a", "0002_b"))
    ensure_migrations(database_url, folder)
    (folder / "0002_b.sql").unlink()
    with pytest.raises(PlanError, match="ahead: 2 b"):
        ensure_migrations(database_url, folder)
    assert ensure_migrations(database_url, folder, ahead="ok").applied == 0
    assert cli("migrate", "-d", database_url, "--dir", folder, "--ahead", "ok").returncode == 0
    assert cli("status", "-d", database_url, "--dir", folder, "--check").returncode == 4


@pytest.mark.parametrize("option", ["--to", "--only"])
def test_a_version_that_is_nowhere_is_refused(
    option: str, database_url: str, probe: Opened, cli: Cli, migrations: WriteMigrations
) -> None:
    folder = migrations(files("0001_a", "0002_b"))
    done = cli("migrate", "-d", database_url, "--dir", folder, option, "7")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{option[2:]} 7: there is no migration of this version\nThe last are: 0001, 0002.\n"
    assert probe(database_url).tables() == set()
    with pytest.raises(UsageError):
        ensure_migrations(database_url, folder, to=7)


def test_a_rolled_back_migration_is_pending_again(
    database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    folder = migrations(files("0001_a", "0002_b"))
    ensure_migrations(database_url, folder)
    database = probe(database_url)
    database.execute("DROP TABLE b; UPDATE schema_migrations SET status = 'rolled_back' WHERE version = 2")
    migrations({"0002_b.sql": "-- mended meanwhile\n" + table("b")})
    assert ensure_migrations(database_url, folder).applied == 1
    assert "b" in database.tables()
    assert database.rows("SELECT version, status FROM schema_migrations ORDER BY version") == [
        (1, "success"),
        (2, "success"),
    ]


def test_a_rolled_back_migration_below_an_applied_one_is_late() -> None:
    plan = make_plan([migration(1), migration(2)], [entry(1, "rolled_back"), entry(2)])
    assert [(problem.kind, problem.version) for problem in plan.problems] == [("late", 1)]


@pytest.mark.parametrize("status", ["running", "failed", "rolled_back"])
def test_only_success_and_baseline_count_as_applied(status: Status) -> None:
    assert pending([migration(1)], [entry(1, status)]) == [1]
    assert pending([migration(1)], [entry(1)]) == pending([migration(1)], [entry(1, "baseline")]) == []


def test_a_baseline_covers_all_below_it(database_url: str, probe: Opened, migrations: WriteMigrations) -> None:
    folder = migrations(files("0001_a", "0002_b", "0003_c"))
    ensure_migrations(database_url, folder, to=1)
    database = probe(database_url)
    database.execute(
        "UPDATE schema_migrations SET version = 2, migration_id = 'b', checksum = NULL, status = 'baseline'"
    )
    assert [step.version for step in ensure_migrations(database_url, folder).steps] == [3]
    assert "b" not in database.tables()


def test_a_baseline_without_its_files_below_is_no_problem_of_theirs() -> None:
    assert pending([migration(3)], [entry(3, "baseline")]) == []
    assert pending([migration(2), migration(3), migration(4)], [entry(3, "baseline")]) == [4]


@pytest.mark.parametrize(
    ("row", "left"),
    [
        (entry(1, "baseline", "merge", "legacy", '{"old_status": "success"}'), [33, 35]),
        (entry(1, "baseline", "merge", "legacy", '{"old_status": "failed"}'), [33, 34, 35]),
        (entry(1, "baseline", "merge", "legacy", '{"old_status": null}'), [33, 34, 35]),
        (entry(1, "baseline", "other", "legacy", '{"old_status": "success"}'), [33, 34, 35]),
        (entry(34, "baseline", "other", "legacy", '{"old_status": "success"}'), [33, 34, 35]),
        # Written by the old application's own INSERT, after its table had been taken over.
        (entry(2, "success", "merge", "legacy"), [33, 35]),
        (entry(2, "success", "merge", "legacy", "no JSON at all"), [33, 35]),
        (entry(2, "success", "merge", "legacy", "[1]"), [33, 35]),
        (entry(2, "failed", "merge", "legacy", "null"), [33, 34, 35]),
    ],
)
def test_a_row_of_the_old_system_counts_as_baseline_by_its_name(row: Entry, left: list[int]) -> None:
    assert pending([migration(33, "repair"), migration(34, "merge"), migration(35, "last")], [row]) == left


def test_a_row_of_the_old_system_covers_nothing_below_it_and_makes_nothing_late(
    database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    database = probe(database_url)
    database.execute(
        "CREATE TABLE schema_migrations (migration_id TEXT PRIMARY KEY, applied_at TIMESTAMP, description TEXT,"
        " status TEXT, metadata TEXT);"
        "INSERT INTO schema_migrations VALUES ('init', '2025-01-01 00:00:00', NULL, 'success', NULL)"
    )
    report = ensure_migrations(database_url, migrations(files("0001_users", "0002_orders", "0003_init", "0004_more")))
    assert [step.version for step in report.steps] == [1, 2, 4]
    assert {"users", "orders", "more"} <= database.tables()
    assert "init" not in database.tables()


def test_a_name_that_two_migrations_bear_is_not_known_from_the_old_system() -> None:
    old = entry(1, "baseline", "merge", "legacy", '{"old_status": "success"}')
    assert pending([migration(33, "merge"), migration(34, "merge")], [old]) == [33, 34]


def test_a_baseline_of_the_series_itself_covers_what_comes_in_below_it() -> None:
    assert pending([migration(1), migration(2), migration(3)], [entry(2, "baseline")]) == [3]


@pytest.mark.parametrize("status", ["success", "baseline"])
def test_only_one_that_will_not_run_says_why(
    status: str, database_url: str, probe: Opened, cli: Cli, migrations: WriteMigrations
) -> None:
    folder = migrations(files("0002_b"))
    ensure_migrations(database_url, folder)
    probe(database_url).execute(f"UPDATE schema_migrations SET status = '{status}'")
    migrations(files("0001_a", "0003_c"))
    wanted = {"success": "2", "baseline": "1"}[status]
    done = cli("migrate", "-d", database_url, "--dir", folder, "--only", wanted)
    why = {"success": "0002_b is applied already", "baseline": "0001_a stands below a baseline and counts as done"}
    assert (done.returncode, done.stderr) == (0, "")
    still = {"success": "2 pending (0001_a, 0003_c)", "baseline": "1 pending (0003_c)"}
    assert done.stdout.splitlines()[-1] == f"nothing to do: {why[status]}, {still[status]}"


def test_a_row_of_the_series_itself_is_worth_more_than_one_of_the_old_system() -> None:
    old = entry(1, "baseline", "merge", "legacy", '{"old_status": "success"}')
    assert pending([migration(34, "merge")], [entry(34, "rolled_back", "merge"), old]) == [34]


def test_another_series_in_the_same_ledger_is_none_of_ours(
    database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    shop, users = migrations(files("0002_b")), migrations(files("0001_u", "0003_v"), series="users")
    assert ensure_migrations(database_url, shop).applied == 1
    assert ensure_migrations(database_url, users).applied == 2
    assert ensure_migrations(database_url, shop).applied == ensure_migrations(database_url, users).applied == 0
    assert probe(database_url).rows("SELECT series, version FROM schema_migrations ORDER BY series, version") == [
        ("shop", 2),
        ("users", 1),
        ("users", 3),
    ]
