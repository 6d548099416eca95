"""What must stand in deprecated_leftovers when the old tables are gone, in plain Python, from the specification.

Knows rows; opens no database.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.clinic.data import DERMA, JSON, OLD, Row, Rows
from tests.clinic.model import migrate, read_or_text
from tests.webui.model import read

Key = tuple[str, Any]


def left_over(before: Rows) -> set[Key]:
    """Return table and id of the old rows that live nowhere else, if nobody wrote since the migration.

    They are the sessions that were there already, and those whose quick_options say something: agent_state of derma has
    no place for these.
    """
    came = dict.fromkeys(migrate(before).sessions, "")
    found = set()
    for table in OLD:
        for row in before[table]:
            own = row["id"] in came and came[row["id"]] in ("", table)
            if own:
                came[row["id"]] = table
            if not own or (table == DERMA and read_or_text(row["quick_options"]) not in (None, [])):
                found.add((table, row["id"]))
    return found


def kept(rows: list[Row]) -> dict[Key, Row]:
    """Return the old rows that stand in deprecated_leftovers, as values, by table and id."""
    return {
        (row["source_table"].removesuffix("_deprecated"), row["id"]): dict(read(row["legacy_row"]).pairs)
        for row in rows
    }


def as_kept(row: Row, *, is_sqlite: bool) -> Row:
    """Return an old row in the form of `kept`: in PostgreSQL JSON is JSON there too, in SQLite its text."""
    found = {}
    for column, cell in row.items():
        if column in JSON and not is_sqlite:
            found[column] = None if cell is None else read(cell)
        elif isinstance(cell, int) and (is_sqlite or not isinstance(cell, bool)):
            found[column] = read(str(int(cell)))
        else:
            found[column] = cell
    return found


def comparable(row: Row) -> Row:
    """Return a row of `kept` or `as_kept` with its times as moments, where they are."""
    return {column: _moment(cell) if column.endswith("_at") else cell for column, cell in row.items()}


def _moment(cell: Any) -> Any:
    try:
        return datetime.fromisoformat(cell)
    except (TypeError, ValueError):
        return cell
