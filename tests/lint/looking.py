"""Writes series, and says what lint finds in them. Knows no rule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sessmig.lint import Finding, LintReport, lint
from tests.fixtures.files import WriteMigrations

PROVING = {"copy-without-merge", "data-without-verify", "data-without-rollback"}
"""Rules on what stands beside a migration; examples of other rules leave that out."""

TABLES = """\
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE, city TEXT);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    total INTEGER
);
CREATE TABLE old_customers (id INTEGER PRIMARY KEY, name TEXT, email TEXT, city TEXT);
"""


class Looker:
    """Looks through one statement or file, in a series whose first migration makes the tables of the examples."""

    def __init__(self, migrations: WriteMigrations) -> None:
        self._migrations = migrations

    def folder(self, files: Mapping[str, str], dialect: str = "sqlite") -> Path:
        return self._migrations(
            {f"{dialect}/0001_tables.sql": TABLES} | {f"{dialect}/{n}": t for n, t in files.items()}
        )

    def report(self, files: Mapping[str, str], dialect: str = "sqlite", **options: Any) -> LintReport:
        return lint([self.folder(files, dialect) / dialect], **options)

    def found(self, text: str, dialect: str = "sqlite", *, name: str = "0002_x.sql") -> list[tuple[int, str]]:
        """Return what is found in one file: line and rule; what should stand beside it is left out."""
        report = self.report({"0002_x.sql": "SELECT 1;\n", name: text}, dialect, squawk=False)
        return [(f.line, f.rule) for f in report.findings if f.rule not in PROVING]

    def all(self, files: Mapping[str, str], dialect: str = "sqlite", **options: Any) -> list[tuple[str, int, str]]:
        """Return file, line and rule of everything that is found."""
        return places(self.report(files, dialect, squawk=False, **options).findings)


def places(findings: tuple[Finding, ...]) -> list[tuple[str, int, str]]:
    return [(f.path.name, f.line, f.rule) for f in findings]
