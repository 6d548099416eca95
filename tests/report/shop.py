"""A series with a merge whose rows go every way there is, and ways to report of it; a page's text and elements."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sessmig.archive import read_chronicle
from sessmig.chronicle import Chronicle
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.report_html import html_page
from tests.fixtures.probe import Probe

FILES = {
    "0001_tables.sql": "-- Two tables\nCREATE TABLE old (id INTEGER PRIMARY KEY, name TEXT);\n"
    "CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT);\n"
    "INSERT INTO old VALUES (1, 'tea'), (2, 'cake'), (3, NULL), (4, 'salt');\n"
    "INSERT INTO new VALUES (2, 'cake'), (4, 'sea salt');\n",
    "0001_tables.rollback.sql": "-- sessmig: may-lose old, new\nDROP TABLE old;\nDROP TABLE new;\n",
    "0002_merge.sql": "-- Merge old into new\nINSERT INTO new SELECT id, name FROM old\n"
    "WHERE name IS NOT NULL AND id NOT IN (SELECT id FROM new);\n",
    "0002_merge.verify.sql": "-- require: new has rows\n-- expect: some\nSELECT id FROM new;\n"
    "-- merge: old into new on id comparing name\n-- differing: keep\n-- reject: no name where name IS NULL\n"
    "-- measure before: rows_before\nSELECT count(*) FROM new;\n"
    "-- measure: rows_after\nSELECT count(*) FROM new;\n"
    "-- check: no row without a name\nSELECT id FROM new WHERE name IS NULL;\n"
    "-- warn: rows of salt\nSELECT id, name FROM new WHERE name LIKE '%salt';\n",
    "0002_merge.rollback.sql": "-- sessmig: may-lose new\nDELETE FROM new WHERE id = 1;\n",
}
"""4 source rows: 1 inserted, 1 identical, 1 differing, 1 rejected."""

LOG = "schema_migrations_log"


def chronicle(url: str, folder: Path, run: str = "", **options: Any) -> Chronicle:
    """Read what was done, as `sessmig report` does."""
    with connect(url, create=False) as database:
        return read_chronicle(Job(database, folder, **options), run)


def page_of(url: str, folder: Path, run: str = "") -> str:
    """Return the page of all that was done, or of one run."""
    return html_page(chronicle(url, folder, run))


def runs(found: Chronicle) -> list[tuple[str, str, list[tuple[str, int, str]]]]:
    """Return each run's kind and outcome, and action, version and result of its attempts."""
    return [(run.kind, run.outcome, [(a.action, a.version, a.result) for a in run.attempts]) for run in found.runs]


def write_log(probe: Probe, **values: Any) -> None:
    """Write a row of the log as another version, or another hand, may have done."""
    known: dict[str, Any] = {
        "series": "shop",
        "version": 1,
        "migration_id": "tables",
        "action": "apply",
        "started_at": "2026-01-02 03:04:05",
        "duration_ms": 7,
        "outcome": "success",
        "done_by": "ada@host",
        "sessmig_version": "0.0.9",
        "detail": "{}",
    } | values
    quoted = ", ".join("'" + str(value).replace("'", "''") + "'" for value in known.values())
    probe.execute(f"INSERT INTO {LOG} ({', '.join(known)}) VALUES ({quoted})")


class Read(HTMLParser):
    """A page, read: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self._silent = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._silent = tag == "style"
        self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False
        self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())
