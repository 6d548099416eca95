"""Reads and writes what stands in the ledger's columns: JSON, who did it, times, an older system's rows.

Knows values; knows nothing of tables and databases.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_args

from sessmig.errors import LedgerError
from sessmig.fitting import FOREIGN
from sessmig.host import host
from sessmig.model import LEGACY, Cell, Entry, Status
from sessmig.words import plain, shown


def read_entry(row: Sequence[Cell], where: str) -> Entry:
    """Read a row of the ledger, whoever wrote it: SQLite keeps any value in any column.

    Args:
        row: in the order of `Entry`'s fields.
        where: the table for people.

    Raises:
        LedgerError: it does not say which migration it is about, or where that one stands.
    """
    version, status, took, metadata = row[1], row[3], row[7], _text(row[9])
    if row[0] == LEGACY:  # what an old application writes: its name is all there is to go by
        version = version if isinstance(version, int) else 0
    elif not isinstance(version, int) or isinstance(version, bool):
        raise _odd(where, f"{shown(version)!r} is no version")
    elif status not in get_args(Status):
        raise _odd(where, f"migration {version} has the status {shown(status)!r}")
    elif status in ("running", "failed"):
        from sessmig.halfway import read_progress

        try:
            read_progress(metadata)
        except FOREIGN:
            raise _odd(where, f"what it keeps of migration {version}, which is half done, cannot be read") from None
    name, checksum, description, applied_at, applied_by = (_text(row[n]) for n in (2, 4, 5, 6, 8))
    return Entry(
        str(row[0]),
        version,
        name or "",
        status,  # type: ignore[arg-type]
        checksum,
        description,
        applied_at,
        max(took, 0) if isinstance(took, int) else None,
        applied_by,
        metadata,
    )


def _odd(where: str, what: str) -> LedgerError:
    return LedgerError(
        f"{where}: a row is not as sessmig writes it: {what}",
        holds="Nothing was touched.",
        remedy="Mend that row, or take it away, and run it again; sessmig log tells what was done.",
    )


def _text(cell: Cell) -> str | None:
    return None if cell is None else shown(cell)


def legacy_entries(rows: Sequence[tuple[Cell, ...]]) -> Iterator[Entry]:
    """Read the webui system's rows as ours, numbered in their order; what has no place of its own goes to metadata."""
    for version, (name, applied_at, description, status, metadata) in enumerate(rows, 1):
        kept: dict[str, Any] = {"old_status": status}
        moment = utc(applied_at)
        if moment != applied_at:
            kept["old_applied_at"] = applied_at
        if metadata not in (None, ""):
            try:
                value = _read_json(str(metadata))
            except ValueError:
                value = metadata
            is_flat = isinstance(value, dict) and not value.keys() & {"old_status", "old_applied_at"}
            kept = {**value, **kept} if is_flat else {"old_metadata": value, **kept}
        told = None if description is None else str(description)
        yield Entry(
            LEGACY, version, "" if name is None else str(name), "baseline", None, told, moment, metadata=as_json(kept)
        )


def _read_json(text: str) -> Any:
    """Read JSON as every database can keep it: PostgreSQL takes neither NaN nor a NUL nor half a character."""
    value = json.loads(text)
    written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if "\\u0000" in written:
        raise ValueError("a NUL")
    written.encode()
    return value


def utc(moment: Cell) -> str | None:
    """Return an old row's time as UTC without an offset; None if it is no time."""
    if moment is None:
        return None
    try:
        read = datetime.fromisoformat(str(moment))
    except ValueError:
        return None
    return str(moment) if read.tzinfo is None else str(read.astimezone(UTC).replace(tzinfo=None))


def as_json(value: Mapping[str, Any]) -> str:
    text = json.dumps(plain(value), ensure_ascii=False)
    return text.encode(errors="replace").decode()  # the name of a file need not be UTF-8


@cache
def done_by() -> str:
    """Return who runs this, as user@host; each step records it, and to ask takes the system some files."""
    import getpass

    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        user = "unknown"
    return f"{user}@{host()}"
