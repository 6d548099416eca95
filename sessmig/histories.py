"""Knows what other migration tools keep of what they have applied: their tables, and what a row of them means.

Each definition was read in a database that the tool made, in its source, or in a copy of that. Asks no database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sessmig.ledger_rows import utc
from sessmig.model import Cell
from sessmig.recorded import Past
from sessmig.words import count, shown

Row = tuple[Cell, ...]
Read = tuple[list[Past], list[str], list[str]]
"""What stands applied, what else there is, and what the tool itself would not go on with."""

_LEADING = re.compile(r"[mMvV]?(\d+)(?:[^0-9A-Za-z]+(.*))?", re.DOTALL)
_YOYO = re.compile(r"(\d{8})_(\d\d)_[A-Za-z0-9]{5}(?:-(.*))?", re.DOTALL)
_SHORT = 5
"""A table of fewer columns than this is known only by having exactly these."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool's table.

    Args:
        name: the tool, as people call it.
        columns: what the table has.
        asked: what is asked for, in this order; `*name` is a time.
        order: the order of the rows.
        read: what they mean.
        names: the table's usual names, where its columns alone do not tell.
        beside: a table that stands beside it, by which it is told from another tool's.
        project: the column by which several series share the table; it is asked for last.
        undone: a query for what does not stand any more, and in what way; of `{table}` and `{beside}`.
        is_utc: it writes UTC, though its times do not say their zone.
    """

    name: str
    columns: frozenset[str]
    asked: tuple[str, ...]
    order: str
    read: Callable[[Sequence[Row]], Read]
    names: tuple[str, ...] = ()
    beside: str = ""
    project: str = ""
    undone: str = ""
    is_utc: bool = False

    def fits(self, table: str, columns: frozenset[str], beside: frozenset[str], *, is_named: bool) -> bool:
        """Tell whether a table, with these others in its schema, is this tool's; the user may have named it."""
        if self.names and not is_named and table not in self.names:
            return False
        if self.beside and self.beside not in beside:
            return False
        return columns >= self.columns if len(self.columns) >= _SHORT else columns == self.columns


def plain_name(text: str) -> str:
    """Return a name as file names here may have it: `Create users!` is `create_users`."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def keys_of(text: str) -> tuple[tuple[int | None, str], ...]:
    """Return the versions and names that an id may stand for here, the likeliest first."""
    found: list[tuple[int | None, str]] = []
    if match := _YOYO.fullmatch(text):
        found.append((int(match[1] + match[2]), plain_name(match[3] or "")))
    if match := _LEADING.fullmatch(text):
        found.append((int(match[1]), plain_name(match[2] or "")))
    return (*found, (None, plain_name(text)))


def moment(value: Cell) -> str:
    """Return a time as people read it, in UTC and with a Z where the value says its zone, else as it is written.

    Prisma writes milliseconds into SQLite.
    """
    text = "" if value is None else str(value)
    if re.fullmatch(r"\d{12,14}", text):
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(text))}"[:19] + "Z"
    read = utc(text)
    return (read or text).replace("T", " ")[:19] + ("Z" if read and read != text else "")


def _is_true(value: Cell) -> bool:
    """SQLite has no boolean: 1 is true there, and some tools write the word."""
    return value is True or str(value).lower() in ("1", "true", "t")


def _versions(rows: Sequence[Row]) -> Read:
    """dbmate, Rails and Ecto: a row a migration that stands."""
    return [Past(str(row[0]), keys_of(str(row[0])), moment(row[1] if len(row) > 1 else None)) for row in rows], [], []


def _golang_migrate(rows: Sequence[Row]) -> Read:
    """One row: the newest version; `dirty` stands there while a migration runs, and stays when it failed."""
    pasts, faults = [], []
    for version, dirty in rows:
        if _is_true(dirty):
            faults.append(
                f"{shown(version)} is dirty: that migration, up or down, was begun and failed. Look at what it left, "
                "set it right, and tell golang-migrate: migrate force VERSION"
            )
        elif int(str(version)) >= 0:
            pasts.append(Past(str(version), ((int(str(version)), ""),), covers=True))
    return pasts, [], faults


def _goose(rows: Sequence[Row]) -> Read:
    """The newest row of a version decides; 0 is the one that the table begins with."""
    newest = {int(str(version)): (applied, at) for version, applied, at in rows}
    down = [f"{version}: rolled back" for version, (applied, _) in newest.items() if not _is_true(applied)]
    up = [(version, at) for version, (applied, at) in newest.items() if version and _is_true(applied)]
    return [Past(str(version), ((version, ""),), moment(at)) for version, at in up], down, []


def _flyway(rows: Sequence[Row]) -> Read:
    """In the order of the ranks: an undo or a delete takes away what stood before it; a baseline covers all below."""
    standing: dict[str, Past] = {}
    notes, faults, repeatable = [], [], set()
    for version, description, kind, script, checksum, at, success in rows:
        number, kind = None if version is None else str(version), str(kind)
        name = f"{number or 'R'} {shown(description)}"
        if not _is_true(success):
            faults.append(f"{name}: failed. Look at what {shown(script)} left, set it right, and run flyway repair")
        elif kind == "SCHEMA":
            continue
        elif number is None:
            repeatable.add(str(description))
        elif kind.startswith("UNDO") or kind == "DELETE":
            standing.pop(number, None)
            notes.append(f"{name}: {'deleted' if kind == 'DELETE' else 'undone'}")
        else:
            notes = [note for note in notes if not note.startswith(f"{number} ")]
            covers = "BASELINE" in kind
            whole = int(number) if number.isdigit() else None
            if covers and whole is None:
                faults.append(f"{name}: a baseline at {number}, which is no whole number. Use sessmig baseline V")
            digest = "" if checksum is None else f"crc32:{shown(checksum)}"
            is_start = kind == "BASELINE"
            called = "" if is_start else plain_name(str(description))
            standing[number] = Past(number, ((whole, called),), moment(at), covers, is_start, digest)
    if repeatable:
        listed = ", ".join(sorted(repeatable))
        notes.append(f"{count(len(repeatable), 'repeatable migration')}, which sessmig does not have: {listed}")
    return list(standing.values()), notes, faults


def _sqlx(rows: Sequence[Row]) -> Read:
    pasts, faults = [], []
    for version, description, at, success, checksum in rows:
        if _is_true(success):
            digest = f"sha384:{checksum.hex()}" if isinstance(checksum, bytes) else ""
            key = (int(str(version)), plain_name(str(description)))
            pasts.append(Past(str(version), (key, (None, key[1])), moment(at), checksum=digest))
        else:
            faults.append(
                f"{shown(version)} {shown(description)}: failed half way. Look at what it left, and set it "
                "and its row right"
            )
    return pasts, [], faults


def _prisma(rows: Sequence[Row]) -> Read:
    """A row an attempt: finished; or given up (`migrate resolve --rolled-back`); or neither, which is failed."""
    pasts, notes, faults = [], [], []
    done = {name for name, finished, given_up, *_ in rows if finished is not None and given_up is None}
    for name, finished, given_up, checksum in rows:
        if given_up is not None:
            notes += [] if name in done else [f"{shown(name)}: rolled back"]
        elif finished is None:
            faults.append(
                f"{shown(name)}: not finished. Look at what it left, set it right, and run prisma migrate resolve "
                f"--applied or --rolled-back {shown(name)}"
            )
        else:
            pasts.append(Past(str(name), keys_of(str(name)), moment(finished), checksum=f"sha256:{shown(checksum)}"))
    return pasts, notes, faults


def _refinery(rows: Sequence[Row]) -> Read:
    keys = [(int(str(version)), plain_name(str(name))) for version, name, _ in rows]
    return (
        [Past(str(row[0]), (key, (None, key[1])), moment(row[2])) for row, key in zip(rows, keys, strict=True)],
        [],
        [],
    )


def _ids(rows: Sequence[Row]) -> Read:
    """yoyo and sqlite-utils: a row a migration that stands, by the name of its file or function."""
    return [Past(str(name), keys_of(str(name)), moment(at)) for name, at, *_ in rows], [], []


def _sqitch(rows: Sequence[Row]) -> Read:
    """`changes` holds what is deployed; what was reverted stands in `events` alone."""
    return [Past(str(name), ((None, plain_name(str(name))),), moment(at)) for name, at, *_ in rows], [], []


def _columns(names: str) -> frozenset[str]:
    return frozenset(names.split())


_REVERTED = """
SELECT e.change, CASE e.event WHEN 'revert' THEN 'reverted' ELSE 'failed, and not deployed' END, e.project
FROM {beside} AS e
WHERE e.event IN ('revert', 'fail')
  AND NOT EXISTS (SELECT 1 FROM {table} AS c WHERE c.change_id = e.change_id)
  AND NOT EXISTS (SELECT 1 FROM {beside} AS l WHERE l.change_id = e.change_id AND l.committed_at > e.committed_at)
ORDER BY e.committed_at"""
_SCHEMA = ("schema_migrations", "schema_migration")
TOOLS = (
    Tool("Rails", _columns("version"), ("version",), "version", _versions, _SCHEMA, "ar_internal_metadata"),
    Tool("dbmate", _columns("version"), ("version",), "version", _versions, _SCHEMA),
    Tool("Ecto", _columns("version inserted_at"), ("version", "*inserted_at"), "version", _versions, is_utc=True),
    Tool("golang-migrate", _columns("version dirty"), ("version", "dirty"), "version", _golang_migrate),
    Tool(
        "goose",
        _columns("id version_id is_applied tstamp"),
        ("version_id", "is_applied", "*tstamp"),
        "id",
        _goose,
    ),
    Tool(
        "Flyway",
        _columns("installed_rank version description type script checksum installed_by installed_on success"),
        ("version", "description", "type", "script", "checksum", "*installed_on", "success"),
        "installed_rank",
        _flyway,
    ),
    Tool(
        "sqlx",
        _columns("version description installed_on success checksum execution_time"),
        ("version", "description", "*installed_on", "success", "checksum"),
        "version",
        _sqlx,
    ),
    Tool(
        "Prisma",
        _columns("id checksum finished_at migration_name logs rolled_back_at started_at applied_steps_count"),
        ("migration_name", "*finished_at", "*rolled_back_at", "checksum"),
        "started_at",
        _prisma,
    ),
    Tool(
        "refinery",
        _columns("version name applied_on checksum"),
        ("version", "name", "applied_on"),
        "version",
        _refinery,
    ),
    Tool(
        "yoyo",
        _columns("migration_hash migration_id applied_at_utc"),
        ("migration_id", "*applied_at_utc"),
        "applied_at_utc",
        _ids,
        is_utc=True,
    ),
    Tool("yoyo", _columns("id ctime"), ("id", "*ctime"), "ctime", _ids, ("_yoyo_migration", "_yoyo_migrations")),
    *(
        Tool(
            "sqlite-utils",
            _columns(f"{key} migration_set name applied_at"),
            ("name", "applied_at", "migration_set"),
            "applied_at",
            _ids,
            project="migration_set",
        )
        for key in ("id", "")
    ),
    Tool(
        "sqitch",
        _columns("change_id script_hash change project committed_at planned_at"),
        ("change", "*committed_at", "project"),
        "committed_at",
        _sqitch,
        ("changes",),
        "events",
        "project",
        _REVERTED,
    ),
)


def tools() -> Iterator[str]:
    """Name every tool once."""
    yield from dict.fromkeys(tool.name for tool in TOOLS)
