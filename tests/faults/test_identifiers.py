"""How data comes into SQL: names and texts are quoted in one place, and no extension is ever loaded."""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessmig.quoting import literal, quoted
from tests.faults.hostile import examples

PACKAGE = Path(__file__).parents[2] / "sessmig"
TREES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}

_SQL = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|LOCK|SET|RESET|WITH|GRANT|COMMENT)\b")
# What tells how something is called or what it says, and not how a statement writes it.
_DATA = re.compile(r"(?:\.|^)(?:name|label|title|description|path|value|text|status|detail|metadata|error|found|key)$")
KNOWN = {
    "accounts.py: name": "of our own temporary table, numbered",
    "databases/postgres_concurrently.py: act.name": "as the file writes it, with its quotes",
    "databases/postgres_concurrently.py: name": "one of two settings",
    "databases/postgres_merging.py: name": "of our own temporary table, numbered",
    "databases/postgres_settings.py: name": "one of two settings, or what pg_identify_object writes, with its quotes",
    "databases/postgres_settings.py: value": "of these two, a constant",
    "databases/sqlite_settings.py: name": "of a PRAGMA, a constant",
    "databases/sqlite_settings.py: value": "of a PRAGMA, a number as SQLite gave it",
    "databases/sqlite_faults.py: name": "of a PRAGMA, a constant",
    "databases/sqlite_fingerprint.py: name": "of a PRAGMA, a constant; of a table, quoted in the line above",
    "databases/sqlite_merging.py: name": "of our own temporary table, numbered",
    "databases/sqlite_rehearsal.py: name": "of a PRAGMA, a constant",
    "databases/sqlite_scripting.py: found": "SQL of our own",
    "databases/sqlite_scripting.py: name": "quoted in the line above",
    "databases/sqlite_scripting.py: value": "SQL of our own, or a literal",
    "merge_sql.py: found": "SQL of our own",
    "surrounding.py: name": "of our own temporary table, numbered",
}
"""Where one of these goes into SQL none the less, and what it is."""


def _interpolated() -> Iterator[tuple[str, str]]:
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
                for part in node.values if _SQL.match(text) else ():
                    if isinstance(part, ast.FormattedValue):
                        yield file, ast.unparse(part.value)


def test_no_name_or_value_goes_into_sql_without_its_quotes() -> None:
    found = {f"{file}: {written}" for file, written in _interpolated() if _DATA.search(written)}
    assert found <= KNOWN.keys()


def test_the_list_of_what_goes_into_sql_none_the_less_has_no_stale_line() -> None:
    assert {f"{file}: {written}" for file, written in _interpolated()} >= KNOWN.keys()


@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_are_doubled_in_one_place_alone(quote: str) -> None:
    found = set()
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "replace":
                values = [one.value for one in node.args if isinstance(one, ast.Constant)]
                if values == [quote, quote * 2]:
                    found.add(file)
    assert found == {"quoting.py"}


def test_nothing_loads_an_extension_or_lets_a_file_load_one() -> None:
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("enable_load_extension", "load_extension"), file


def test_nothing_of_a_database_or_file_is_run_as_python_or_in_a_shell() -> None:
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "os.system", "os.popen", "pickle.loads", "yaml.load"), file
                assert not any(word.arg == "shell" for word in node.keywords), file


@given(st.text())
@examples(50)
def test_a_quoted_name_or_text_ends_where_it_should(text: str) -> None:
    text = text.replace("\0", "").encode("utf-8", "replace").decode()
    with sqlite3.connect(":memory:") as connection:
        cursor = connection.execute(f"SELECT {literal(text)} AS {quoted(text or 'x')}")
        assert cursor.fetchone() == (text,)
        assert cursor.description[0][0] == (text or "x")
    connection.close()
