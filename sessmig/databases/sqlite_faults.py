"""Looks in SQLite for foreign keys that do not hold, whatever a step meant.

Knows SQLite's own check and its catalogue; knows nothing of what was there before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from sessmig.errors import DatabaseError
from sessmig.model import Answer, Piece
from sessmig.quoting import quoted
from sessmig.rows import Case, Fault, Table

_Query = Callable[..., Answer]

_KEPT = 10_000
"""Of how many values without their row it is remembered which they are; of more, only how many rows."""
_KEYS = """
SELECT m.name, m.sql, k.id, k."table", k."from", k."to", k.on_delete IN ('SET NULL', 'SET DEFAULT')
FROM main.sqlite_master AS m
JOIN pragma_foreign_key_list(m.name, 'main') AS k
WHERE m.type = 'table'
ORDER BY m.name, k.id, k.seq"""
_REPLACES = "SELECT count(*) FROM main.sqlite_master WHERE sql LIKE '%REPLACE%'"
_CHECK = "SELECT v.fkid, count(*) FROM pragma_foreign_key_check($1, 'main') AS v GROUP BY v.fkid"


@dataclass(slots=True)
class _Key:
    """A foreign key: which columns of which table refer to which other."""

    child: str
    number: int
    parent: str
    columns: list[str] = field(default_factory=list)
    targets: list[str | None] = field(default_factory=list)
    """The parent's columns; None stands for its primary key."""


def find_faults(
    query: _Query,
    tables: Callable[[], Sequence[Table]],
    touched: Collection[Table],
    pieces: Sequence[Piece],
    *,
    is_all: bool = False,
    keyed: Callable[[], bool],
) -> tuple[Fault, ...]:
    """Find rows whose foreign key has no row, and foreign keys that point to no table, or to no key.

    While foreign keys are enforced a statement cannot leave such a row, and the check reads every table that has one:
    so it is asked only where they are not, or where a table is dropped or renamed. But a REPLACE can: where tables
    refer to each other, or one to itself, ON DELETE SET NULL makes SQLite count wrongly. Deferred keys are enforced
    by the COMMIT alone, which a dry run never sees and which does not say what is wrong.

    Args:
        query: sends one statement and returns its rows.
        tables: lists the tables.
        touched: of no use here.
        pieces: the statements of the step.
        is_all: there will be others.
        keyed: tells whether any table has a foreign key.
    """
    if not keyed():
        return ()
    listed = query(_KEYS).rows
    enforced, deferred = (query(f"PRAGMA {name}").rows[0][0] for name in ("foreign_keys", "defer_foreign_keys"))
    everything = is_all or not enforced or bool(deferred) or any(map(_can_break, pieces))
    if not everything and any(row[-1] for row in listed):
        everything = any("REPLACE" in p.text.upper() for p in pieces if not p.is_plain) or bool(
            query(_REPLACES).rows[0][0]
        )
    keys: dict[str, list[_Key]] = {}
    for child, sql, number, parent, column, target, _ in listed:
        if everything or "DEFERRED" in str(sql).upper():
            of_child = keys.setdefault(str(child), [])
            if not of_child or of_child[-1].number != number:
                of_child.append(_Key(str(child), int(str(number)), str(parent)))
            of_child[-1].columns.append(str(column))
            of_child[-1].targets.append(None if target is None else str(target))
    if not keys:
        return ()
    known = {table.name.lower(): table for table in tables()}
    return tuple(fault for child, of_child in keys.items() for fault in _of_child(query, known, child, of_child))


def _can_break(piece: Piece) -> bool:
    """Tell whether a statement can leave rows without their row although foreign keys are enforced."""
    # As cheap as it can be: a file may hold 200,000 statements.
    first = piece.text[piece.body : piece.body + 6].upper()
    if first.startswith("DROP"):
        return True
    if first.startswith("ALTER"):
        return "RENAME" in piece.text.upper()
    return first == "PRAGMA" and "defer_foreign_keys" in piece.text.lower()


def _of_child(query: _Query, tables: dict[str, Table], child: str, keys: list[_Key]) -> Iterator[Fault]:
    try:
        violated = {number: int(str(rows)) for number, rows in query(_CHECK, (child,)).rows}
    except DatabaseError as error:
        if not error.code.startswith("SQLITE_ERROR"):
            raise
        # A collation that only the application has cannot be compared by; that was so before the step too.
        is_mismatch = "foreign key mismatch" in error.what
        kind = "foreign key that points to no key" if is_mismatch else "foreign keys that cannot be checked"
        yield Fault(kind, child, error.what, (_names(tables, child),))
        return
    for key in keys:
        rows = violated.get(key.number, 0)
        columns = ", ".join(key.columns)
        subject = f"{child} ({columns}) -> {key.parent}"
        places = (_names(tables, child), _names(tables, key.parent), _column_names(tables, key))
        if key.parent.lower() not in tables:
            yield Fault(
                kind="foreign key that points to no table",
                subject=subject,
                found=f"there is no table {key.parent}: no row can be inserted into {child}",
                places=places,
            )
        elif rows:
            cases, example = _cases(query, tables, key)
            yield Fault(
                kind="foreign key without its row",
                subject=subject,
                found=f"{rows:,} row{'s' * (rows != 1)} of {child}: no row of {key.parent} has this {columns}",
                places=places,
                number=rows,
                cases=cases if len(cases) <= _KEPT else (),
                columns=(*key.columns, "rows", *(f"first {name}" for name in example)),
            )


def _cases(query: _Query, tables: dict[str, Table], key: _Key) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """Return the values that are in no row, each with its number of rows and the key of one; and that key's columns."""
    table = tables[key.child.lower()]
    names = {column.name.lower() for column in table.columns}
    rowid = next((name for name in ("rowid", "_rowid_", "oid") if name not in names), "")
    example = table.key or (rowid or table.columns[0].name,)
    values = [f"c.{quoted(name)}" for name in key.columns]
    shown = [f"c.{quoted(name)}" for name in example]
    head = (
        f"SELECT {', '.join([*values, 'count(*)', f'min({shown[0]})', *shown[1:]])} FROM main.{quoted(key.child)} AS c"
    )
    tail = f" GROUP BY {', '.join(values)} LIMIT {_KEPT + 1}"
    try:
        found = query(
            f"{head} JOIN pragma_foreign_key_check($1, 'main') AS v ON v.rowid = c.{rowid} WHERE v.fkid = $2{tail}",
            (key.child, key.number),
        ).rows
    except DatabaseError:  # WITHOUT ROWID
        found = query(head + _without_row(tables, key) + tail).rows
    width = len(values)
    return tuple(Case(row[:width], int(str(row[width])), row[width + 1 :]) for row in found), example


def _without_row(tables: dict[str, Table], key: _Key) -> str:
    targets = key.targets if None not in key.targets else tables[key.parent.lower()].key
    pairs = list(zip(key.columns, map(str, targets), strict=True))
    given = " AND ".join(f"c.{quoted(column)} IS NOT NULL" for column in key.columns)
    equal = " AND ".join(f"p.{quoted(target)} = c.{quoted(column)}" for column, target in pairs)
    return f" WHERE {given} AND NOT EXISTS (SELECT 1 FROM main.{quoted(key.parent)} AS p WHERE {equal})"


def _names(tables: dict[str, Table], name: str) -> frozenset[str]:
    table = tables.get(name.lower())
    return frozenset((name.lower(), f"#{table.identity}") if table else (name.lower(),))


def _column_names(tables: dict[str, Table], key: _Key) -> frozenset[str]:
    known = {column.name.lower(): column.identity for column in tables[key.child.lower()].columns}
    names = [name.lower() for name in key.columns]
    return frozenset((",".join(names), ",".join(f"#{known.get(name)}" for name in names)))
