"""Takes a PostgreSQL table in ranges of one of its columns.

Knows the catalogue, plans and parameters; decides nothing. A value of the key is kept as a text that is the same under
all settings of the session: two runs with other settings have to know each other's keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sessmig.blocker import Blocker
from sessmig.databases.ranges import Range
from sessmig.databases.wire import Wire
from sessmig.errors import DatabaseError

# The type without its length: to cast to character(1) would cut.
_COLUMN = """
SELECT c.relkind, a.attnotnull, pg_catalog.format_type(a.atttypid, -1),
       a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype),
       bool_or(i.indexrelid IS NOT NULL),
       coalesce(bool_or(i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL), false),
       c.relpersistence = 't',
       c.relkind = 'r' AND EXISTS (SELECT 1 FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = c.oid),
       pg_catalog.row_security_active(c.oid),
       EXISTS (SELECT 1 FROM pg_catalog.pg_collation AS l WHERE l.oid = a.attcollation AND NOT l.collisdeterministic)
FROM pg_catalog.pg_class AS c
LEFT JOIN pg_catalog.pg_attribute AS a
    ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = (pg_catalog.parse_ident($2))[1]
LEFT JOIN pg_catalog.pg_index AS i
    ON i.indrelid = c.oid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indisready
    AND (SELECT m.amname FROM pg_catalog.pg_class AS x JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
         WHERE x.oid = i.indexrelid) = 'btree'
WHERE c.oid = pg_catalog.to_regclass($1)
GROUP BY c.oid, c.relkind, c.relpersistence, a.attnotnull, a.atttypid, a.attcollation"""
_TEXT = "CAST({} AS text)"
_TIME = "(to_jsonb({}) #>> '{{}}')"  # as JSON has it, whatever DateStyle says
_FORMS = {
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric", "uuid"), _TEXT),
    **dict.fromkeys(("text", "character varying", "character", "bpchar"), _TEXT),
    **dict.fromkeys(("date", "timestamp without time zone"), _TIME),
    "timestamp with time zone": "(to_jsonb(timezone('UTC', {})) #>> '{{}}')",
}
"""How each type's values are written."""
_ZONED = "timestamp with time zone"
_WRITERS = """
SELECT l.virtualtransaction, l.pid, a.application_name,
       round(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000)::bigint, a.state
FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
  AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND (l.relation = pg_catalog.to_regclass($1)
       OR l.relation IN (SELECT relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1))))"""
_PARTS = """
SELECT n.nspname, c.relname, c.reltuples
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = pg_catalog.to_regclass($1)
   OR c.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)))"""
# Small tables are read whole because that is quicker; what counts is whether there is another way when they are big.
_EXPLAINING = (
    "SAVEPOINT sessmig_plan; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; "
    "SET LOCAL enable_mergejoin = off"
)
_SCANS = "SELECT current_setting('enable_bitmapscan'), current_setting('enable_seqscan')"
_SET_SCANS = "SELECT set_config('enable_bitmapscan', $1, true), set_config('enable_seqscan', $2, true)"
_EXPLAINED = "ROLLBACK TO SAVEPOINT sessmig_plan; RELEASE SAVEPOINT sessmig_plan"
_EXPLAIN = "EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) "


class Keyset:
    """A table and its column.

    Args:
        wire: the connection.
        table: the table's name as SQL writes it.
        column: the column's.
    """

    def __init__(self, wire: Wire, table: str, column: str) -> None:
        self._wire = wire
        self._table = table
        self._column = column
        self._type = ""
        self._is_whole = False
        self.seconds, self.is_alone = 0.5, False
        self._text = f"CAST({column} AS text)"

    def look_around(self) -> None:
        """Here nobody waits for more than the rows that a batch is at."""

    def pause(self, seconds: float) -> float:
        return 0.02 * seconds

    def writers(self) -> Mapping[str, Blocker]:
        rows = self._wire.query(_WRITERS, (self._table,)).rows
        return {
            str(transaction): Blocker(pid, str(application or ""), age, str(state or ""))  # type: ignore[arg-type]
            if pid
            else Blocker(application="a prepared transaction")
            for transaction, pid, application, age, state in rows
        }

    def moment(self) -> None:
        """The server counts who writes, but not to which table."""

    def unfit(self) -> str:
        rows = self._wire.query(_COLUMN, (self._table, self._column)).rows
        if not rows or rows[0][0] not in ("r", "p"):
            return f"there is no table {self._table}"
        _, filled, found, whole, indexed, unique, temporary, has_children, is_hiding, is_vague = rows[0]
        if temporary:
            return f"{self._table} is a temporary table"
        if has_children:
            return f"other tables inherit from {self._table}, and the keys of all are not unique"
        if is_hiding:
            return f"row-level security hides rows of {self._table} from this role"
        if found is None:
            return f"{self._table} has no column {self._column}"
        if (kind := str(found)) not in _FORMS:
            return f"{self._column} is {kind}; it has to be an integer, numeric, text, uuid, date or timestamp"
        if is_vague:
            return f"{self._column} has a nondeterministic collation, which takes different values for equal"
        if not indexed:
            return f"{self._column} has no index"
        if not unique:
            return f"{self._column} is not unique"
        if not filled:
            return f"{self._column} may be NULL"
        self._type, self._is_whole = kind, bool(whole)
        self._text = _FORMS[self._type].format(self._column)
        return ""

    def scanned(self, statement: str, places: Sequence[tuple[int, str]], upto: str) -> str:
        parts = {(row[0], row[1]) for row in self._wire.query(_PARTS, (self._table,)).rows}
        text = _EXPLAIN + self._numbered(statement, places)
        self._wire.command(_EXPLAINING)
        try:
            answer = self._wire.query(text, (upto, upto))
        except DatabaseError as error:
            raise self._placed(error, places, len(_EXPLAIN)) from None
        finally:
            self._wire.command(_EXPLAINED)
        for node in _nodes(json.loads(str(answer.rows[0][0]))[0]["Plan"]):
            kind = node["Node Type"]
            if (node.get("Schema"), node.get("Relation Name")) in parts and (
                kind in ("Seq Scan", "Sample Scan")
                or (kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in node)
                or (kind == "Bitmap Heap Scan" and "Recheck Cond" not in node)
            ):
                return f"{kind} on {node['Relation Name']}"
        return ""

    def highest(self) -> str | None:
        rows = self._wire.query(
            f"SELECT {self._text} FROM {self._table} AS s ORDER BY s.{self._column} DESC LIMIT 1"
        ).rows
        return str(rows[0][0]) if rows else None

    def estimate(self) -> int:
        known = [float(str(row[2])) for row in self._wire.query(_PARTS, (self._table,)).rows]
        if any(rows > 0 for rows in known):
            return int(sum(rows for rows in known if rows > 0))
        return int(str(self._wire.query(f"SELECT count(*) FROM {self._table}").rows[0][0]))

    def following(self, after: str | None, upper: str, size: int) -> Range | None:
        with self._by_index():
            return self._asked(after, upper, f" LIMIT {size}")

    def standing(self, after: str | None, last: str) -> Range | None:
        with self._by_index():
            return self._asked(after, last, "")

    @contextmanager
    def _by_index(self) -> Iterator[None]:
        """Have the keys read from their index alone: the planner often fetches the rows as well, ten times as slow."""
        before = self._wire.query(_SCANS).rows[0]
        self._wire.query(_SET_SCANS, ("off", "off"))
        yield
        # After an error the transaction is rolled back, and the settings with it.
        self._wire.query(_SET_SCANS, before)

    def _asked(self, after: str | None, last: str, limit: str) -> Range | None:
        if self._is_whole:
            ((first, end, rows),) = self._wire.query(
                *self._rows("min(sessmig_key), max(sessmig_key), count(*)", after, last, limit)
            ).rows
            if not rows:
                return None
            found = Range(str(first), str(end), int(str(rows)))
            if int(found.last) - int(found.first) + 1 == rows:
                return found
            last, limit = found.last, ""
        # The rows come in their order, as the query within gives them.
        ((listed,),) = self._wire.query(*self._rows("json_agg(sessmig_text)", after, last, limit)).rows
        keys = json.loads(str(listed)) if listed else []
        return Range(keys[0], keys[-1], len(keys), str(listed)) if keys else None

    def _rows(self, what: str, after: str | None, last: str, limit: str) -> tuple[str, tuple[str, ...]]:
        # An ORDER BY by a bare name would mean a column of the answer first.
        above = "" if after is None else f"s.{self._column} > {self._read('$2')} AND "
        rows = (
            f"SELECT {self._column} AS sessmig_key, {self._text} AS sessmig_text FROM {self._table} AS s "
            f"WHERE {above}s.{self._column} <= {self._read('$1')} ORDER BY s.{self._column}{limit}"
        )
        return f"SELECT {what} FROM ({rows}) AS sessmig_range", (last,) if after is None else (last, after)

    def run(self, statement: str, places: Sequence[tuple[int, str]], first: str, last: str) -> int | None:
        try:
            return self._wire.change(self._numbered(statement, places), (first, last))
        except DatabaseError as error:
            raise self._placed(error, places, 0) from None

    def _numbered(self, statement: str, places: Sequence[tuple[int, str]]) -> str:
        """Write `$1` and `$2` for `:first` and `:last`, with the column's type: the server would have to guess it."""
        for at, name in sorted(places, reverse=True):
            statement = statement[:at] + self._place(name) + statement[at + 1 + len(name) :]
        return statement

    def _place(self, name: str) -> str:
        return f"({self._read('$1' if name == 'first' else '$2')})"

    def _read(self, value: str) -> str:
        """Write what makes a value of the key of its text."""
        if self._type == _ZONED:
            return f"({value}::timestamp AT TIME ZONE 'UTC')"
        return f"{value}::{self._type}"

    def _placed(self, error: DatabaseError, places: Sequence[tuple[int, str]], before: int) -> DatabaseError:
        """Say where in the statement as it was written an error is."""
        if error.position is None:
            return error
        at, grown = error.position - before, 0
        for place, name in sorted(places):
            wide = len(self._place(name))
            if place + grown >= at:
                break
            if place + grown + wide > at:
                at = place + grown
                break
            grown += wide - len(name) - 1
        error.position = max(at - grown, 0)
        return error

    def between(self, first: str, last: str) -> str:
        bounds = (self._read(f"'{value.replace(chr(39), chr(39) * 2)}'") for value in (first, last))
        return f"{self._column} BETWEEN {' AND '.join(bounds)}"


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
