r"""Writes scripts for psql: `\gset` keeps a value, `\if` and RAISE stop at what does not hold, `\gexec` runs rows.

Knows psql and the texts that a run sends; decides nothing about what is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sessmig.databases.postgres_answers import JSON, LITERAL, NUMBER, ONE, PICTURE, VALUE
from sessmig.databases.postgres_deferred import SETTLE
from sessmig.databases.postgres_exclusive import TRY, UNLOCK
from sessmig.databases.postgres_identity import IDENTITY, PLACE, cluster
from sessmig.databases.postgres_lock import BEGIN, LOCK, lock_key
from sessmig.databases.postgres_ties import ties
from sessmig.databases.scripting import Sent, Tie
from sessmig.databases.values import postgres_literal
from sessmig.databases.wire import Wire
from sessmig.model import Block, Piece

READ_ONLY = "SAVEPOINT sessmig_reads; SET LOCAL transaction_read_only = on; SET LOCAL row_security = off"
READ_NO_MORE = "ROLLBACK TO SAVEPOINT sessmig_reads; RELEASE SAVEPOINT sessmig_reads"
# A file may have set anything; here nobody knows what it was before, but for what the connection began with.
_GIVE_BACK = (
    "DISCARD TEMP;",
    "RESET SESSION AUTHORIZATION;",
    "RESET ROLE;",
    "RESET ALL;",
    "SET client_encoding = 'UTF8';",
    "SET standard_conforming_strings = on;",
)


def asked(query: str, what: str) -> str:
    """Ask something of a query's answer, as the run does."""
    return f"WITH sessmig_asked AS MATERIALIZED (\n{query}\n) SELECT {what}"


class Scripting:
    """Scripts for psql.

    Args:
        wire: the connection.
        name: the database's name.
        schema: where the ledger stands.
    """

    program = "psql"
    command = "psql -X -v ON_ERROR_STOP=1 -f SCRIPT DATABASE"
    notes = (
        "The lock is tried once: the script stops where somebody else migrates. A statement waits 5 s for the locks of "
        "others; then its step is rolled back, and the script stops. Another time: psql -v sessmig_lock_timeout=1s ...",
        "It takes psql 11 or newer, and no pooler in transaction mode.",
    )
    each_row_words = "psql's \\gexec"
    moment = ":'sessmig_began'"
    spent_ms = "round((extract(epoch FROM clock_timestamp()) - :sessmig_clock) * 1000)::bigint"
    who = "session_user || '@' || coalesce(host(inet_client_addr()), 'localhost')"

    def __init__(self, wire: Wire, name: str, schema: str) -> None:
        self._wire = wire
        self._name = name
        self._schema = schema

    def identity(self) -> Mapping[str, str]:
        (oid, cluster), *_ = self._wire.query(IDENTITY).rows
        return {
            "kind": "PostgreSQL",
            "name": self._name,
            "schema": self._schema,
            "oid": str(oid),
            "cluster": str(cluster),
        }

    def ties(self) -> tuple[Tie, ...]:
        return ties(self._wire)

    def _key(self, lock: str) -> str:
        return str(lock_key(self._name, self._schema, lock))

    def sent(self, lock: str, *, foreign_keys: bool = True, wait: float | None = None) -> Sent:
        limit = () if wait is None else (f"SET LOCAL lock_timeout = {round(wait * 1000)}",)
        return Sent(
            (BEGIN, LOCK.replace("$1", self._key(lock)), *limit),
            tuple(READ_ONLY.split("; ")),
            tuple(READ_NO_MORE.split("; ")),
            (SETTLE,),
            ("COMMIT",),
        )

    def head(self, wait: float) -> list[str]:
        return [
            r"\set ON_ERROR_STOP on",
            *(r"\if :{?sessmig_lock_timeout}", r"\else", r"\set sessmig_lock_timeout 5s", r"\endif"),
            r"\set AUTOCOMMIT on",
            r"\set QUIET on",
            r"\pset pager off",
            "SET client_encoding = 'UTF8';",
            "SET standard_conforming_strings = on;",
            *self.demand_equal(
                "SELECT current_schema()", self._schema, f"search_path has to begin with {self._schema}"
            ),
            *self._demand_identity(),
        ]

    def _demand_identity(self) -> list[str]:
        planned = self.identity()
        here = f"{planned['name']}, oid {planned['oid']}"
        label = f"this script was planned for another database: {here}, in the cluster {planned['cluster']}"
        lines = self.demand_equal(PLACE, here, label)
        if planned["cluster"] != "unknown":
            lines += self.demand_equal(cluster(planned["cluster"]), planned["cluster"], label)
        return lines

    def foot(self) -> list[str]:
        return []

    def say(self, text: str) -> str:
        return rf"\echo '{text}'"

    def begin(self, lock: str, *, foreign_keys: bool = True) -> list[str]:
        sent = self.sent(lock)
        return [
            f"{sent.begin[0]};",
            *self._locked(sent.begin[1], "pg_try_advisory_xact_lock"),
            "SET LOCAL lock_timeout = :'sessmig_lock_timeout';",
        ]

    def _locked(self, sql: str, column: str) -> list[str]:
        words = "another process migrates this database; run the script again when it is done"
        return [sql, *_or_raise(words, column)]

    def commit(self, *, foreign_keys: bool = True) -> list[str]:
        return ["COMMIT;"]

    def hold(self, lock: str) -> list[str]:
        return self._locked(TRY.replace("$1", self._key(lock)), "pg_try_advisory_lock")

    def let_go(self, lock: str) -> list[str]:
        return [UNLOCK.replace("$1", self._key(lock)), r"\gset"]

    def start_clock(self) -> list[str]:
        return [
            "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS sessmig_began,"
            " extract(epoch FROM clock_timestamp()) AS sessmig_clock",
            r"\gset",
        ]

    def reading(self, lines: Sequence[str]) -> list[str]:
        return [f"{READ_ONLY};", *lines, f"{READ_NO_MORE};"] if lines else []

    def statement(self, text: str) -> str:
        return text

    def each_row(self, query: str, file: str) -> list[str]:
        return [query.rstrip().removesuffix(";"), r"\gexec"]

    def behind(self, pieces: Sequence[Piece]) -> list[str]:
        return [f"{SETTLE};", *_GIVE_BACK]

    def bound(self, function: str, table: str, column: str) -> str:
        return f"(SELECT {function}({column}) FROM {table})"

    def named(self, measure: str) -> str:
        # Those in capitals are psql's own.
        return f":{self._kept(measure)}"

    @staticmethod
    def _kept(measure: str) -> str:
        return measure if measure.upper() != measure else f"sessmig_{measure}"

    def measure(self, name: str, query: str, label: str) -> list[str]:
        what = f'{LITERAL} AS "{self._kept(name)}",\n{JSON} AS "sessmig_json_{name}",\n{ONE} AS sessmig_holds\n{VALUE}'
        return [
            _remark(label),
            asked(query, what),
            *_or_raise(f"{label}: not one row"),
        ]

    def json(self, measure: str) -> str:
        return f":'sessmig_json_{measure}'"

    def demand(self, block: Block, query: str, label: str) -> list[str]:
        return [
            _remark(label),
            asked(query, f"{self._holds(block)}"),
            r"\gset",
            r"\if :sessmig_holds",
            r"\else",
            f"{asked(query, '* FROM sessmig_asked LIMIT 5')};",
            _raise(label),
            r"\endif",
        ]

    def warn(self, block: Block, query: str, label: str, number: int) -> list[str]:
        return [
            _remark(label),
            r"\set sessmig_holds f",
            rf"""\set sessmig_warn_{number} '"passed"'""",
            rf"""\set sessmig_found_{number} '""'""",
            rf"\set sessmig_total_{number} 0",
            # A warn that cannot be asked stops nothing.
            r"\set ON_ERROR_STOP off",
            "SAVEPOINT sessmig_warns;",
            asked(query, self._holds(block)),
            r"\gset",
            r"\if :sessmig_holds",
            r"\else",
            rf"""\set sessmig_warn_{number} '"warned"'""",
            f'SELECT {postgres_literal(label)} AS "sessmig warns";',
            f"{asked(query, '* FROM sessmig_asked LIMIT 5')};",
            asked(query, self._found(block, number)),
            r"\gset",
            r"\endif",
            "ROLLBACK TO SAVEPOINT sessmig_warns;",
            "RELEASE SAVEPOINT sessmig_warns;",
            r"\set ON_ERROR_STOP on",
        ]

    def warned(self, number: int) -> str:
        return f":'sessmig_warn_{number}'"

    def found(self, number: int) -> tuple[str, str]:
        return f":'sessmig_found_{number}'", f":'sessmig_total_{number}'"

    @staticmethod
    def _found(block: Block, number: int) -> str:
        names = f'AS "sessmig_found_{number}"', f'AS "sessmig_total_{number}"'
        if block.expects in ("none", "some"):
            rows = "to_char(count(*), 'FM999,999,999,999,999') || CASE count(*) WHEN 1 THEN ' row' ELSE ' rows' END"
            found = f"to_json(CASE count(*) WHEN 0 THEN 'no row' ELSE {rows} END)::text {names[0]}"
            return f"{found}, count(*) {names[1]} FROM sessmig_asked"
        return f"to_json(coalesce(value::text, 'NULL'))::text {names[0]}, 0 {names[1]}\n{VALUE}"

    def _holds(self, block: Block) -> str:
        known = "".join(f" AND {self.named(name)} IS NOT NULL" for name in block.needs)
        if block.expects in ("none", "some"):
            sign = "=" if block.expects == "none" else ">"
            return f"count(*) {sign} 0{known} AS sessmig_holds FROM sessmig_asked"
        expected = block.expected
        if block.expects == "measure":
            condition = f"({JSON})::jsonb = {self.json(block.measure)}::jsonb"
        elif isinstance(expected, bool):
            condition = f"value::text = '{str(expected).lower()}'"
        elif isinstance(expected, Decimal):
            condition = f"CASE WHEN {NUMBER} THEN value::text::numeric = {expected:f} END"
        else:
            condition = f"value::text = {postgres_literal(expected)}"
        return f"coalesce(value IS NOT NULL AND {condition}{known}, false) AS sessmig_holds\n{VALUE}"

    def keep_same(self, number: int, query: str) -> list[str]:
        return [asked(query, f"{PICTURE} AS sessmig_same_{number} FROM sessmig_asked"), r"\gset"]

    def demand_same(self, number: int, query: str, label: str) -> list[str]:
        what = f"{PICTURE} = :'sessmig_same_{number}' AS sessmig_holds FROM sessmig_asked"
        return [_remark(label), asked(query, what), *_or_raise(label)]

    def keep_faults(self) -> list[str]:
        return []

    def demand_no_faults(self, label: str) -> list[str]:
        return []

    def demand_no_table(self, table: str, label: str) -> list[str]:
        return self._demand_true(f"SELECT to_regclass({postgres_literal(table)}) IS NULL", label)

    def demand_equal(self, query: str, expected: str, label: str) -> list[str]:
        return self._demand_true(f"SELECT coalesce(({query}), '') = {postgres_literal(expected)}", label)

    def _demand_true(self, query: str, label: str) -> list[str]:
        return [f"{query} AS sessmig_holds", *_or_raise(label)]

    def joined(self, column: str, rows: str) -> str:
        return f"SELECT string_agg({column}, E'\\n' ORDER BY {column} COLLATE \"C\") FROM {rows}"

    def forget(self, measures: Sequence[str]) -> list[str]:
        return [rf"\unset {name}" for one in measures for name in (self._kept(one), f"sessmig_json_{one}")]


def _remark(label: str) -> str:
    return f"-- {label}"


def _or_raise(label: str, column: str = "sessmig_holds") -> list[str]:
    """End a query: keep what it gives, and stop unless one of its columns is true."""
    return [r"\gset", rf"\if :{column}", r"\else", _raise(label), r"\endif"]


def _raise(label: str) -> str:
    words = postgres_literal(label.replace("$sessmig$", "$ sessmig $"))
    return f"DO $sessmig$ BEGIN RAISE EXCEPTION '%', {words}; END $sessmig$;"
