"""Errors of options, settings, URLs and connections. Knows cases only."""

from __future__ import annotations

import os

from tests.errors.scene import FIRST, Call, Case, Place, Told, command

_ONE = {"0001_people.sql": FIRST}


def _without(name: str) -> Call:
    def remove(place: Place) -> None:
        del os.environ[name]

    return remove


def _gone(place: Place) -> Told | None:
    gone = place.folder / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        return command(["status"])
    finally:
        os.chdir(place.folder)


_D = "status --database"

CASES = (
    Case("No database is given", (_ONE, _without("SESSMIG_DATABASE"), "status")),
    Case("Two databases are given", (_ONE, "status --database a.db --db b.db")),
    Case("Not a database URL", (_ONE, f"{_D} mysql://localhost/shop")),
    Case("Neither a URL nor a path", (_ONE, f"{_D} me:secret@db.example")),
    Case("The database has no name", (_ONE, "status --database=")),
    Case("A path with options", (_ONE, f"{_D} sqlite:///app.db?mode=ro")),
    Case("A port that is none", (_ONE, f"{_D} postgresql://db.example:54x2/shop")),
    Case("A password with @ or /", (_ONE, f"{_D} postgresql://me:pa/ss@db.example/shop")),
    Case("A database in memory", (_ONE, "migrate --database :memory:")),
    Case("An option that is not known", (_ONE, "migrate --fake")),
    Case("A value that is not known", (_ONE, "migrate --ahead maybe")),
    Case("--to and --only", (_ONE, "migrate --to 1 --only 1")),
    Case("--json and another format", (_ONE, "migrate", "report --json --format text")),
    Case("lint: --json and another format", (_ONE, "lint --json --format text")),
    Case("Not a name for the ledger", (_ONE, "migrate --table no-name")),
    Case("A setting that is not known", (_ONE, {"./sessmig.toml": 'databse = "app.db"\n'}, "migrate")),
    Case("A setting that is no text", (_ONE, {"./sessmig.toml": "series = [1]\n"}, "migrate")),
    Case("A settings file that cannot be read", (_ONE, {"./sessmig.toml": "keep 3\n"}, "migrate")),
    Case("pyproject.toml: tool.sessmig is no table", (_ONE, {"./pyproject.toml": "[tool]\nsessmig = 3\n"}, "migrate")),
    Case(".env is not UTF-8", (_ONE, {"./.env": b"A=\xff\n"}, "migrate")),
    Case(
        "Two settings files",
        (_ONE, {"./sessmig.toml": 'keep = "3"\n', "./pyproject.toml": '[tool.sessmig]\nkeep = "3"\n'}, "migrate"),
    ),
    Case("A setting of `backup` that is not known", (_ONE, {"./sessmig.toml": 'backup = "often"\n'}, "migrate")),
    Case("A setting of `keep` that is no number", (_ONE, {"./sessmig.toml": 'keep = "all"\n'}, "migrate")),
    Case("The working directory is gone", (_ONE, _gone)),
    Case("new: not a migration's name", (_ONE, "new add-orders")),
    Case("new: what is there cannot be read", (_ONE, "new orders --dir shop/0001_people.sql")),
    Case("lint: no such file", (_ONE, "lint shop/0002_orders.sql")),
    Case("lint: no migrations", (_ONE, {"empty/readme.txt": ""}, "lint empty")),
    Case("lint: no file of a migration", (_ONE, {"readme.txt": ""}, "lint shop/readme.txt")),
    Case("report: the file is a folder", (_ONE, "migrate", "report -o shop")),
    Case("report: the file is a database", (_ONE, "migrate", "report -o app.db")),
    Case("report: its folder is not there", (_ONE, "migrate", "report -o there/report.txt")),
    Case(
        "report: the file is a link",
        (_ONE, "migrate", lambda place: (place.folder / "report.txt").symlink_to("x"), "report -o report.txt"),
    ),
    Case(
        "report: no ordinary file", (_ONE, "migrate", lambda place: os.mkfifo(place.folder / "pipe"), "report -o pipe")
    ),
    Case("rehearse: --on is for PostgreSQL", (_ONE, "rehearse --on other.db")),
    Case("--max-lag on SQLite", (_ONE, "migrate --max-lag 1")),
    Case("--throttle-query gives no number", (_ONE, ["migrate", "--throttle-query", "SELECT 'many'"])),
    Case("--throttle-query cannot be asked", (_ONE, ["migrate", "--throttle-query", "SELECT x FROM nowhere"])),
)

CONNECTING = (
    Case("SQLite: the folder is not there", (_ONE, "migrate --database there/app.db")),
    Case("SQLite: the path is a folder", (_ONE, "migrate --database shop")),
    Case(
        "SQLite: not a database",
        (_ONE, {"./text.db": "no database at all, but a text of some length\n" * 9}, "migrate --database text.db"),
    ),
    Case("verify: there is no database", (_ONE, "verify")),
    Case("log: there is no database", (_ONE, "log")),
    Case("report: there is no database", (_ONE, "report")),
    Case("PostgreSQL: nobody listens", (_ONE, f"{_D} postgresql://127.0.0.1:1/shop")),
)
