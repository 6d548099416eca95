"""Errors of the plan, of the ledger and of rollbacks. Knows cases only."""

from __future__ import annotations

from sessmig import ensure_migrations
from tests.errors.scene import FIRST, Call, Case, Place

_SECOND = "CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER);\n"
_TWO = {"0001_people.sql": FIRST, "0002_orders.sql": _SECOND}
_BACK = {"0001_people.rollback.sql": "DROP TABLE people;\n", "0002_orders.rollback.sql": "DROP TABLE orders;\n"}


def _without(*names: str) -> Call:
    def remove(place: Place) -> None:
        for name in names:
            (place.folder / "shop" / name).unlink()

    return remove


CASES = (
    Case("An applied file was changed", (_TWO, "migrate", {"0002_orders.sql": _SECOND + "-- more\n"}, "migrate")),
    Case(
        "An applied file has another name",
        (_TWO, "migrate", _without("0002_orders.sql"), {"0002_sales.sql": _SECOND}, "migrate"),
    ),
    Case("An applied file is gone", (_TWO, "migrate", _without("0001_people.sql"), "migrate")),
    Case("The database is ahead of the files", (_TWO, "migrate", _without("0002_orders.sql"), "migrate")),
    Case(
        "A file is late",
        ({"0002_orders.sql": _SECOND}, "migrate", {"0001_people.sql": FIRST}, "migrate"),
        "It has a lower number than one that is applied, as after two branches were put together.",
    ),
    Case("--to names no migration", (_TWO, "migrate --to 7")),
    Case("resign: there is no such file", (_TWO, "resign 7")),
    Case("resign: not applied", (_TWO, "migrate --to 1", "resign 2")),
    Case("resign: nothing was changed", (_TWO, "migrate", "resign 2")),
    Case("log: the migration is not known", (_TWO, "migrate", "log --version 7")),
    Case("report: the run is not known", (_TWO, "migrate", "report --run 7")),
    Case("report: not the number of a run", (_TWO, "migrate", "report --run first")),
)

SIGNED = (
    Case("--all is for the page", (_TWO, "plan --all --format sql")),
    Case("--plan beside what it decides", (_TWO, "plan --out plan.json", "migrate --plan plan.json --to 1")),
    Case("--plan: not a plan", (_TWO, {"./plan.json": "{}"}, "migrate --plan plan.json")),
    Case(
        "--plan: not what was signed",
        (
            _TWO,
            "migrate --to 1",
            "plan --out plan.json",
            {"0002_orders.sql": _SECOND + "-- more\n"},
            "migrate --plan plan.json",
        ),
    ),
    Case(
        "No script goes on with a half-done step",
        (
            {"0001_a.sql": "-- sessmig: no-transaction\nCREATE TABLE a (x INTEGER);\nCREATE TABEL b (x INTEGER);\n"},
            "migrate",
            "plan --format sql",
        ),
    ),
    Case(
        "plan= beside what it decides",
        (_TWO, "plan --out plan.json", lambda place: ensure_migrations(place.url, "shop", plan="plan.json", to=1)),
    ),
)

LEDGER = (
    Case(
        "The table schema_migrations is another tool's",
        (_TWO, lambda place: place.sql("CREATE TABLE schema_migrations (version TEXT)"), "migrate"),
    ),
    Case(
        "The table schema_migrations is nobody's that is known",
        (_TWO, lambda place: place.sql("CREATE TABLE schema_migrations (id INTEGER, what TEXT)"), "migrate"),
    ),
    Case(
        "The log's table is not sessmig's",
        (_TWO, lambda place: place.sql("CREATE TABLE schema_migrations_log (what TEXT)"), "migrate"),
    ),
)

ROLLBACKS = (
    Case("There is no rollback file", (_TWO, "migrate --no-backup", "rollback")),
    Case(
        "It is irreversible, and there is a backup",
        (
            {"0001_people.sql": FIRST},
            "migrate",
            {"0002_orders.sql": "-- sessmig: irreversible the letters are sent\n" + _SECOND},
            "migrate",
            "rollback",
        ),
    ),
    Case(
        "One of several cannot be rolled back",
        (_TWO | _BACK, _without("0001_people.rollback.sql"), "migrate --no-backup", "rollback --to 0"),
    ),
    Case("A baseline is not rolled back", (_TWO | _BACK, lambda place: place.sql(FIRST), "baseline 1", "rollback")),
    Case("--to names none", (_TWO | _BACK, "migrate", "rollback --to 7")),
    Case(
        "The rollback would lose rows",
        (_TWO | _BACK, "migrate", lambda place: place.sql("INSERT INTO orders VALUES (1, 1)"), "rollback"),
        "What was written since the migration goes with it: [rollbacks](../rollback.md).",
    ),
    Case("--yes without --allow-loss", (_TWO | _BACK, "migrate", "rollback --yes")),
    Case(
        "--allow-loss, and nobody is there to be asked",
        (_TWO | _BACK, "migrate", lambda place: place.sql("INSERT INTO orders VALUES (1, 1)"), "rollback --allow-loss"),
    ),
    Case("rollback: there is no database", (_TWO | _BACK, "rollback")),
)
