"""A merge of long queries is named in a line that can be read; the queries stand in its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

_TABLES = """-- Two tables
CREATE TABLE old (id INTEGER PRIMARY KEY, body TEXT);
CREATE TABLE new (id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO old VALUES (1, 'a'), (2, 'b');
"""
_MERGE = """-- merge: (SELECT id, CASE body WHEN ')' THEN '(' ELSE body END AS body
--     FROM old WHERE id IN (SELECT id FROM old))
--     into (SELECT id, body FROM new WHERE body <> '(') on id comparing body
"""


def _files(condition: str) -> dict[str, str]:
    move = f"-- Move\nINSERT INTO new SELECT id, body FROM old WHERE {condition};\n"
    return {"0001_tables.sql": _TABLES, "0002_move.sql": move, "0002_move.verify.sql": _MERGE}


def test_a_merge_of_long_queries_is_told_by_its_line(migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(_files("true"))
    done = cli("migrate", "--database", "app.db", "--dir", str(folder), cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    assert "\n  merge (SELECT ...) into (SELECT ...) (line 1)\n    source  inserted" in done.stdout


def test_a_merge_of_long_queries_that_fails_is_told_by_its_line(
    migrations: WriteMigrations, cli: Cli, probe: Callable[[str | Path], Probe]
) -> None:
    folder = migrations(_files("id = 1"))
    done = cli("migrate", "--database", "app.db", "--dir", "shop", "--quiet", cwd=folder.parent)
    assert done.returncode == 3
    assert "0002_move.verify.sql:1: merge failed: (SELECT ...) into (SELECT ...) (line 1)\n" in done.stderr
    assert "    1 row missing in the target\n    id  body\n    2   b\n" in done.stderr
    assert probe(folder.parent / "app.db").value("SELECT count(*) FROM new") == 0
