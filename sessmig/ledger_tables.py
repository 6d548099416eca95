"""How the ledger and its log are declared, and how another program's `schema_migrations` is told from them.

Knows columns; reads and writes no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessmig.errors import LedgerError
from sessmig.ledger_columns import LEDGER, LOG
from sessmig.quoting import literal

if TYPE_CHECKING:
    from sessmig.databases.contract import Database


@dataclass(frozen=True, slots=True)
class Column:
    """A column, as `sessmig.ledger_columns` declares it."""

    name: str
    kind: str
    rule: str
    comment: str


COLUMNS = tuple(Column(*declared) for declared in LEDGER)
LOG_COLUMNS = tuple(Column(*declared) for declared in LOG)
WEBUI_COLUMNS = frozenset({"migration_id", "applied_at", "description", "status", "metadata"})
_OTHERS = {
    frozenset({"version", "dirty"}): "golang-migrate",
    frozenset({"version", "inserted_at"}): "Ecto",
    frozenset({"filename"}): "Sequel",
}
_ADOPTED = ("golang-migrate", "Ecto", "Rails", "dbmate (or an old Rails)")


def create_statements(
    database: Database, name: str, columns: Sequence[Column], *, taken_over: bool = False
) -> list[str]:
    """Return the SQL that makes a table of these columns, each commented as the database can.

    Args:
        database: whose types are used.
        name: the table's name.
        columns: its columns.
        taken_over: the table replaces the webui system's own, whose INSERT has to go on working: a row without
            series and version is of the series `legacy`, and its status is whatever the old application writes.
    """
    table, types = database.table(name), database.types
    lines = []
    for column in columns:
        rule = column.rule
        if taken_over:
            rule = {"series": "NOT NULL DEFAULT 'legacy'", "version": "", "status": ""}.get(column.name, rule)
        declared = f"    {column.name} {getattr(types, column.kind)} {rule}".rstrip()
        lines.append((declared, column.comment))
    if columns is COLUMNS:
        lines.append(("    PRIMARY KEY (series, version)", ""))
    # The comments stand in the text too: SQLite keeps it, and has no other place for them.
    body = "\n".join(
        f"{declared}{',' if n < len(lines) else ''}{f'  -- {comment}' if comment else ''}"
        for n, (declared, comment) in enumerate(lines, 1)
    )
    statements = [f"CREATE TABLE {table} (\n{body}\n)"]
    if types.comment:
        for column in columns:
            statements.append(types.comment % (f"{table}.{column.name}", literal(column.comment)))
    return statements


def refuse_unfit(database: Database, name: str) -> None:
    """Refuse a table that has the ledger's columns, and cannot keep what is written into it.

    Raises:
        LedgerError: it is a view, another server's, or has no key.
    """
    answer = database.query(database.types.unfit, (database.table(name),))
    if flaw := str(answer.rows[0][0] or "") if answer.rows else "":
        raise LedgerError(
            f"{database.label}: {name} cannot be sessmig's ledger: {flaw}",
            holds="Nothing was touched.",
            remedy="Keep it, and give sessmig a table of its own with --table sessmig_migrations.",
        )


def refuse_foreign(database: Database, name: str, columns: frozenset[str]) -> None:
    """Refuse a table that is not sessmig's, naming whose it is.

    Raises:
        LedgerError: the table's columns are another program's.
    """
    if columns >= {column.name for column in COLUMNS}:
        return
    owner = _OTHERS.get(columns)
    if columns == {"version"}:
        owner = "Rails" if database.columns("ar_internal_metadata") else "dbmate (or an old Rails)"
    whose = f"it is {owner}'s" if owner else "it is no ledger that sessmig knows"
    raise LedgerError(
        f"{database.label}: the table {name} is not sessmig's: {whose} (columns: {', '.join(sorted(columns))})",
        holds="Nothing was touched.",
        remedy="Keep it, and give sessmig a table of its own with --table sessmig_migrations"
        ' (or table = "sessmig_migrations" in [tool.sessmig]).'
        + ("\nWhat it tells is taken over by sessmig adopt --table sessmig_migrations" if owner in _ADOPTED else ""),
    )
