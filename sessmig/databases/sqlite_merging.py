"""What SQLite does for a row account: compares values, and keeps rows of the time before a step.

Decides nothing; what has to be compared and kept it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sessmig.merge import Kind


def unlike(left: str, right: str, kind: Kind) -> str:
    """Write the condition that two values differ; whatever collation a column has, `a` is not `A`.

    A number column takes the text 00123 for 123, and compares it so too: where one of two values is text and the other
    a number, they are the same only if they read the same. See https://sqlite.org/datatype3.html#comparison_expressions
    """
    # The plus takes the columns' types away: most values are the same without, and asked no further.
    read = f"typeof({left}) <> typeof({right}) AND 'text' IN (typeof({left}), typeof({right}))"
    return (
        f"(+{left} IS NOT +{right} COLLATE BINARY AND ({left} IS NOT {right} COLLATE BINARY"
        f" OR {read} AND CAST({left} AS TEXT) IS NOT CAST({right} AS TEXT) COLLATE BINARY))"
    )


def kinds(sql: str) -> tuple[Kind, ...]:
    """SQLite's columns have no kinds: a value has one, and JSON is text, compared as it is written."""
    return ()


def keep(command: Callable[[str], None], name: str, query: str, key: Sequence[str]) -> str:
    """Put the rows of a query into a temporary table, with an index where it is to be looked into row by row."""
    command(f'CREATE TEMPORARY TABLE "{name}" AS {query}')
    if key:
        command(f'CREATE INDEX temp."{name}_key" ON "{name}" ({", ".join(key)})')
    return f'temp."{name}"'
