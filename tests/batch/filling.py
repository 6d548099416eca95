"""A series whose second step fills a table in batches, and what it has to give. Knows nothing of processes.

The target has no key: a row that is taken twice stands there twice.
"""

from __future__ import annotations

from tests.fixtures.probe import Probe

NUMBERS = "WITH RECURSIVE n (x) AS (SELECT {first} UNION ALL SELECT x + 1 FROM n WHERE x < {last})"
LEDGER = {"schema_migrations", "schema_migrations_log"}
# Slow enough for many batches, and the same on both databases.
_SLOW = (
    " + 0 * (WITH RECURSIVE m (x) AS (SELECT s.id UNION ALL SELECT x + 1 FROM m WHERE x < s.id + 700)"
    " SELECT count(*) FROM m)"
)


def tables(rows: int) -> str:
    """Make both tables, the first with so many rows."""
    return (
        "CREATE TABLE source (id INTEGER PRIMARY KEY, word TEXT NOT NULL);\n"
        "CREATE TABLE target (id INTEGER NOT NULL, word TEXT NOT NULL, number INTEGER NOT NULL);\n"
        f"{NUMBERS.format(first=1, last=rows)}\nINSERT INTO source (id, word) SELECT x, 'word ' || x FROM n;\n"
    )


def fill(*, slow: bool = False, size: str = "") -> str:
    """Fill the target in batches."""
    return (
        f"-- Copies the words\n-- sessmig: batch source by id{size}\n"
        f"INSERT INTO target (id, word, number) SELECT s.id, upper(s.word), s.id * 2{_SLOW if slow else ''}\n"
        "FROM source AS s WHERE s.id BETWEEN :first AND :last;\n"
    )


def series(rows: int = 2_500, *, slow: bool = False, size: str = "") -> dict[str, str]:
    """Make the tables, then fill the target."""
    return {"0001_tables.sql": tables(rows), "0002_fill.sql": fill(slow=slow, size=size)}


def demand_filled(seen: Probe, rows: int) -> None:
    """The target holds what one statement would have put there, each row once; and nothing is left of the batches."""
    number = f"{rows}, {rows}, {rows}"
    assert ", ".join(map(str, seen.rows("SELECT count(*), count(DISTINCT id), max(id) FROM target")[0])) == number
    lacking = "SELECT id, upper(word), id * 2 FROM source EXCEPT SELECT id, word, number FROM target"
    assert seen.rows(lacking) == []
    demand_recorded(seen)


def demand_recorded(seen: Probe) -> None:
    """The step is a success in the ledger, and nothing is left of the batches."""
    assert seen.value("SELECT status FROM schema_migrations WHERE version = 2") == "success"
    assert not {table for table in seen.tables() if table.endswith("_batches")}
