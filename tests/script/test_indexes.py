"""What is read of a statement that does something to an index beside running writers."""

from __future__ import annotations

import pytest

from sessmig.index_act import IndexAct
from sessmig.script import index_act


@pytest.mark.parametrize(
    ("statement", "act"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (a);", IndexAct("create", "INDEX", "i", "t", behind="(a)")),
        (
            'create unique index concurrently if not exists "I" on only s."T" using btree (a) where b > 1 ;',
            IndexAct("create", "INDEX", '"I"', 's."T"', is_unique=True, behind="using btree (a) where b > 1"),
        ),
        (
            "CREATE INDEX CONCURRENTLY/**/i -- on\nON t/* x */(a, lower(b)) INCLUDE (c)",
            IndexAct("create", "INDEX", "i", "t", behind="(a, lower(b)) INCLUDE (c)"),
        ),
        ("CREATE INDEX CONCURRENTLY ON t (a)", IndexAct("create", "INDEX", "", "t", behind="(a)")),
        ('CREATE INDEX CONCURRENTLY "ON" ON t (a)', IndexAct("create", "INDEX", '"ON"', "t", behind="(a)")),
        ("DROP INDEX CONCURRENTLY IF EXISTS s.i CASCADE;", IndexAct("drop", "INDEX", "s.i")),
        ("REINDEX TABLE CONCURRENTLY s . t", IndexAct("reindex", "TABLE", "s . t")),
        ("REINDEX (VERBOSE, CONCURRENTLY) INDEX i;", IndexAct("reindex", "INDEX", "i")),
        ("REINDEX (CONCURRENTLY on, TABLESPACE x) SCHEMA s", IndexAct("reindex", "SCHEMA", "s")),
        ("REINDEX DATABASE CONCURRENTLY;", IndexAct("reindex", "DATABASE", "")),
    ],
)
def test_names_and_definition_are_read_as_they_are_written(statement: str, act: IndexAct) -> None:
    assert index_act(statement, "postgres") == act


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX i ON t (a)",
        'CREATE INDEX "CONCURRENTLY" ON t (a)',
        "DROP INDEX i",
        'DROP INDEX "CONCURRENTLY"',
        "REINDEX TABLE t",
        "REINDEX (CONCURRENTLY false) TABLE t",
        "REINDEX (CONCURRENTLY 0) TABLE t",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        "REINDEX",
        "CREATE",
        "DROP",
        "VACUUM",
        "",
    ],
)
def test_whatever_else_is_none_of_them(statement: str) -> None:
    assert index_act(statement, "postgres") is None


def test_in_sqlite_there_are_none() -> None:
    assert index_act("CREATE INDEX CONCURRENTLY i ON t (a)", "sqlite") is None
