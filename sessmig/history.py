"""Finds the history that another migration tool keeps in a database, and reads it; writes nothing.

Knows where to look; what the rows mean, `histories` knows.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256, sha384
from pathlib import Path
from typing import TYPE_CHECKING

from sessmig import script
from sessmig.errors import UsageError
from sessmig.files import decode, read_bytes
from sessmig.histories import TOOLS, Row, Tool, tools
from sessmig.quoting import quoted
from sessmig.recorded import History
from sessmig.rows import Table
from sessmig.words import shown

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_UNTOUCHED = "Nothing was touched."
_ELSEWHERE = "How is it called (--history TABLE), and in which database does it stand (--history-in URL)?"


@dataclass(frozen=True, slots=True)
class Found:
    """A table that is a tool's history."""

    tool: Tool
    table: Table
    beside: str
    """The table beside it, as a query writes it; empty where the tool has none."""


def read_history(database: Database, *, table: str | None, project: str | None, series: str) -> History:
    """Find the one history there is, and read it; to be asked in one snapshot, or under the lock.

    Args:
        database: where the other tool keeps it.
        table: its table, where it is not named as usual, or there are several.
        project: sqitch's project, or the migration set, where several share a table; the one that is named as the
            series, or the only one, if None.
        series: the series' name.

    Raises:
        UsageError: there is no history, or there are several.
        DatabaseError: it cannot be read.
    """
    found = _find(database, table)
    tool = found.tool
    names = (database.types.iso % quoted(name[1:]) if name.startswith("*") else quoted(name) for name in tool.asked)
    rows = database.query(f"SELECT {', '.join(names)} FROM {found.table.sql} ORDER BY {quoted(tool.order)}").rows
    gone: Sequence[Row] = ()
    if tool.undone:
        gone = database.query(tool.undone.format(table=found.table.sql, beside=found.beside)).rows
    if tool.project:
        chosen = _project(database, found, {str(row[-1]) for row in (*rows, *gone)}, project, series)
        rows, gone = (tuple(row for row in some if str(row[-1]) == chosen) for some in (rows, gone))
    elif project is not None:
        raise UsageError(f"{tool.name}'s {found.table.name} has no projects", remedy="Leave --project away.")
    told, notes, faults = tool.read(rows)
    pasts = (
        replace(one, applied_at=one.applied_at.removesuffix("Z"), is_utc=tool.is_utc or one.applied_at.endswith("Z"))
        for one in told
    )
    notes += [f"{shown(name)}: {shown(how)}" for name, how, *_ in gone]
    return History(tool.name, found.table.name, tuple(pasts), tuple(notes), tuple(faults))


def whose(database: Database, table: str) -> str:
    """Name the tool whose history a table of the ledger's schema is; nothing where it is none."""
    found = [one for one in _histories(database, database.tables(), is_named=False) if one.table.name == table]
    return found[0].tool.name if found else ""


def is_same_text(path: Path, checksum: str) -> bool | None:
    """Tell whether a file is the one that a tool's checksum was taken of; None where there is none that is known."""
    kind, _, digest = checksum.partition(":")
    if kind == "crc32":  # Flyway's: of the lines without their ends, as a signed number
        lines = decode(path, read_bytes(path)).split("\n")
        number = zlib.crc32("".join(lines).encode())
        return str(number - (1 << 32) if number >= 1 << 31 else number) == digest
    if kind not in ("sha256", "sha384"):
        return None
    return (sha384 if kind == "sha384" else sha256)(read_bytes(path)).hexdigest() == digest


def _find(database: Database, table: str | None) -> Found:
    tables = database.tables()
    if table is not None:
        tables = tuple(t for t in tables if table in (t.name, ".".join(script.parts(t.sql, database.dialect))))
        if not tables:
            raise UsageError(f"{database.label}: there is no table {table}", holds=_UNTOUCHED, remedy=_ELSEWHERE)
    found = _histories(database, tables, is_named=table is not None)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{one.table.name} ({one.tool.name})" for one in found)
        raise UsageError(
            f"{database.label}: there is more than one history: {listed}",
            holds=_UNTOUCHED,
            remedy="Choose one with --history TABLE.",
        )
    known = ", ".join(tools())
    if tables and table is not None:
        columns = ", ".join(column.name for column in tables[0].columns)
        raise UsageError(
            f"{database.label}: the table {table} is no history that sessmig knows (columns: {columns})",
            holds=_UNTOUCHED,
            remedy=f"Known are those of {known}. What stands is recorded without one by sessmig baseline V",
        )
    raise UsageError(
        f"{database.label}: no history of another tool is found",
        holds=_UNTOUCHED,
        remedy=f"Known are those of {known}. Where it stands in another database (sqitch: sqitch.db beside a SQLite "
        "file), give --history-in URL. What stands is recorded without one by sessmig baseline V",
    )


def _histories(database: Database, tables: Sequence[Table], *, is_named: bool) -> list[Found]:
    all_ = {script.parts(t.sql, database.dialect): t for t in database.tables()}
    found = []
    for table in tables:
        *schema, name = script.parts(table.sql, database.dialect)
        beside = {parts[-1]: other.sql for parts, other in all_.items() if list(parts[:-1]) == schema}
        columns = frozenset(column.name for column in table.columns)
        tool = next((t for t in TOOLS if t.fits(name, columns, frozenset(beside), is_named=is_named)), None)
        if tool:
            found.append(Found(tool, table, beside.get(tool.beside, "")))
    return found


def _project(database: Database, found: Found, there: set[str], project: str | None, series: str) -> str:
    chosen = project if project is not None else series if series in there else min(there, default="")
    if (project is None and chosen != series and len(there) > 1) or (project is not None and project not in there):
        listed = ", ".join(sorted(there)) or "none"
        says = f"has no {project}" if project is not None else "holds several"
        raise UsageError(
            f"{database.label}: {found.tool.name}'s {found.table.name} {says} ({found.tool.project}: {listed})",
            holds=_UNTOUCHED,
            remedy="Choose one with --project NAME.",
        )
    return chosen
