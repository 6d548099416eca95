"""Writes scripts for sqlite3: a temporary table with a named CHECK stops at what does not hold.

Knows the program and the texts that a run sends; decides nothing about what is asked. What is known only when the
script runs stands in `temp.sqlite_parameters`, from which sqlite3 binds every `:name`.
See https://sqlite.org/cli.html#sql_parameters
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from decimal import Decimal

from sessmig.databases.scripting import Sent, Tie
from sessmig.databases.sqlite_waiting import BEGIN
from sessmig.databases.values import sqlite_literal
from sessmig.model import Block, Piece
from sessmig.quoting import quoted

_END = re.compile(r"^[ \t]*(?:/|go)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_PRAGMA = re.compile(r"PRAGMA\s+(?:\w+\.)?(\w+)", re.IGNORECASE)
_VALUE = "(SELECT * FROM sessmig_asked) AS value FROM sessmig_asked LIMIT 2"
_FILE = "sqlite:///"
_DEFAULTS = {
    "automatic_index": 1,
    "ignore_check_constraints": 0,
    "legacy_alter_table": 0,
    "query_only": 0,
    "recursive_triggers": 0,
    "reverse_unordered_selects": 0,
    "trusted_schema": 1,
}
"""What a connection begins with."""


def asked(query: str, what: str) -> str:
    """Ask something of a query's answer, as the run does."""
    return f"WITH sessmig_asked AS MATERIALIZED (\n{query}\n) SELECT {what}"


class Scripting:
    """Scripts for sqlite3.

    Args:
        label: the database for people, which tells its file.
    """

    program = "sqlite3"
    command = "sqlite3 -bail DATABASE < SCRIPT"
    notes = (
        "It takes sqlite3 3.38 or newer. That knows no users: the ledger names sqlite3 as who did it.",
        "A `same` check compares the rows as a set, and their number. A warn that cannot be asked stops the script.",
    )
    each_row_words = (
        "writing them to a file in the working directory (.once) and reading that; keep it, as what was run"
    )
    moment = ":sessmig_began"
    spent_ms = "CAST(round((julianday('now') - :sessmig_clock) * 86400000) AS INTEGER)"
    who = "'sqlite3'"

    def __init__(self, label: str) -> None:
        self._label = label

    def identity(self) -> Mapping[str, str]:
        # A file that is not there yet is told too.
        is_file = self._label.startswith(_FILE)
        return {"kind": "SQLite", "file": os.path.realpath(self._label[len(_FILE) :]) if is_file else self._label}

    def ties(self) -> tuple[Tie, ...]:
        return ()

    def sent(self, lock: str, *, foreign_keys: bool = True, wait: float | None = None) -> Sent:
        off = () if foreign_keys else ("PRAGMA foreign_keys = 0",)
        on = () if foreign_keys else ("PRAGMA foreign_keys = 1",)
        return Sent((*off, BEGIN), ("PRAGMA query_only = ON",), ("PRAGMA query_only = 0",), (), ("COMMIT", *on))

    def head(self, wait: float) -> list[str]:
        return [
            ".bail on",
            f"-- A statement waits {wait:g} s for other writers; then the script stops.",
            f".timeout {max(round(wait * 1000), 1)}",
            ".headers on",
            ".mode list",
            ".parameter init",
            "DELETE FROM temp.sqlite_parameters;",
            "PRAGMA foreign_keys = ON;",
        ]

    def foot(self) -> list[str]:
        return ["DROP TABLE temp.sqlite_parameters;"]

    def say(self, text: str) -> str:
        return f".print {text}"

    def begin(self, lock: str, *, foreign_keys: bool = True) -> list[str]:
        return [f"{line};" for line in self.sent(lock, foreign_keys=foreign_keys).begin]

    def commit(self, *, foreign_keys: bool = True) -> list[str]:
        return [f"{line};" for line in self.sent("", foreign_keys=foreign_keys).commit]

    def hold(self, lock: str) -> list[str]:
        return ["-- SQLite's program has no lock for several transactions: let nobody else migrate meanwhile."]

    def let_go(self, lock: str) -> list[str]:
        return []

    def start_clock(self) -> list[str]:
        return [
            "INSERT OR REPLACE INTO temp.sqlite_parameters (key, value) VALUES",
            "    (':sessmig_began', strftime('%Y-%m-%d %H:%M:%S', 'now')), (':sessmig_clock', julianday('now'));",
        ]

    def reading(self, lines: Sequence[str]) -> list[str]:
        return list(lines)  # a SELECT of SQLite's writes nothing, and what it gives has to be kept

    def statement(self, text: str) -> str:
        for found in _END.finditer(text):
            # Only where the text before could be a whole statement sqlite3 takes such a line for its end.
            if sqlite3.complete_statement(f"{text[: found.start()]};"):
                raise ValueError(f"sqlite3 takes a line of nothing but `{found[0].strip()}` for a statement's end")
        return text

    def each_row(self, query: str, file: str) -> list[str]:
        bare = query.rstrip().removesuffix(";")
        return [
            ".headers off",
            f".once {file}",
            f"WITH sessmig_asked (statement) AS (\n{bare}\n)",
            "SELECT statement || char(10) || ';' FROM sessmig_asked WHERE statement IS NOT NULL;",
            f".read {file}",
            ".headers on",
        ]

    def behind(self, pieces: Sequence[Piece]) -> list[str]:
        named = {found[1].lower() for piece in pieces if (found := _PRAGMA.match(piece.statement))}
        return [f"PRAGMA {name} = {value};" for name, value in _DEFAULTS.items() if name in named]

    def bound(self, function: str, table: str, column: str) -> str:
        return f"(SELECT {function}({column}) FROM {table})"

    def named(self, measure: str) -> str:
        return f":{measure}"

    def measure(self, name: str, query: str, label: str) -> list[str]:
        return [
            f"-- {label}",
            f"CREATE TEMP TABLE sessmig_found AS {asked(query, _VALUE)};",
            *self._stop("count(*) = 1", label, "not one row: "),
            f"INSERT INTO temp.sqlite_parameters (key, value) SELECT ':{name}', value FROM temp.sessmig_found;",
            "DROP TABLE temp.sessmig_found;",
        ]

    def json(self, measure: str) -> str:
        quoted = f"json_quote('x''' || lower(hex(:{measure})) || '''')"
        # json_quote writes 15 digits of a number; 17 are its own.
        exact = f"WHEN 'real' THEN iif(json_quote(:{measure}) + 0 = :{measure}, json_quote(:{measure}), "
        exact += f"printf('%!.17g', :{measure}))"
        return f"CASE typeof(:{measure}) WHEN 'blob' THEN {quoted} {exact} ELSE json_quote(:{measure}) END"

    def demand(self, block: Block, query: str, label: str) -> list[str]:
        return [f"-- {label}", self._found(block, query), *self._stop(self._holds(block), label), _GONE]

    def warn(self, block: Block, query: str, label: str, number: int) -> list[str]:
        kept = f":sessmig_warn_{number}"
        outcome = f"""CASE WHEN {self._holds(block)} THEN '"passed"' ELSE '"warned"' END"""
        warned = f"""{kept} = '"warned"'"""
        return [
            f"-- {label}",
            self._found(block, query),
            f"INSERT INTO temp.sqlite_parameters (key, value) SELECT '{kept}', {outcome} FROM temp.sessmig_found;",
            f'SELECT {sqlite_literal(label)} AS "sessmig warns" WHERE {warned};',
            f"SELECT * FROM temp.sessmig_found WHERE {warned} LIMIT 5;",
            *self._tell_found(block, query, number, warned),
            _GONE,
        ]

    @staticmethod
    def _tell_found(block: Block, query: str, number: int, warned: str) -> list[str]:
        """Keep what came instead; what is counted is asked again, only if it warns."""
        if block.expects in ("none", "some"):
            total = f"({asked(query, 'count(*) FROM sessmig_asked')})"
            found = "CASE {0} WHEN 0 THEN 'no row' WHEN 1 THEN '1 row' ELSE printf('%,d rows', {0}) END"
        else:
            total, found = "0", "coalesce((SELECT CAST(value AS TEXT) FROM temp.sessmig_found), 'NULL')"
        put = "INSERT INTO temp.sqlite_parameters (key, value) SELECT"
        counted = f":sessmig_total_{number}"
        return [
            f"{put} '{counted}', CASE WHEN {warned} THEN {total} ELSE 0 END;",
            f"{put} ':sessmig_found_{number}', "
            f"CASE WHEN {warned} THEN json_quote({found.format(counted)}) ELSE '\"\"' END;",
        ]

    def found(self, number: int) -> tuple[str, str]:
        return f":sessmig_found_{number}", f":sessmig_total_{number}"

    def warned(self, number: int) -> str:
        return f":sessmig_warn_{number}"

    def _found(self, block: Block, query: str) -> str:
        what = "* FROM sessmig_asked LIMIT 6" if block.expects in ("none", "some") else _VALUE
        return f"CREATE TEMP TABLE sessmig_found AS {asked(query, what)};"

    def _holds(self, block: Block) -> str:
        known = "".join(f" AND :{name} IS NOT NULL" for name in block.needs)
        if block.expects in ("none", "some"):
            return f"count(*) {'=' if block.expects == 'none' else '>'} 0{known}"
        expected = block.expected
        if block.expects == "measure":
            condition = f"+value = :{block.measure}"
        elif isinstance(expected, bool):
            condition = f"typeof(value) <> 'text' AND +value = {int(expected)}"
        elif isinstance(expected, Decimal):
            is_number = "typeof(value) <> 'text' OR (value <> '' AND value NOT GLOB '*[^0-9.eE+-]*')"
            condition = f"({is_number}) AND CAST(value AS NUMERIC) = {expected:f}"
        else:
            condition = f"CAST(value AS TEXT) = {sqlite_literal(expected)}"
        return f"count(*) = 1 AND max({condition}){known}"

    def _stop(self, holds: str, label: str, before: str = "") -> list[str]:
        """Stop unless a condition holds over `sessmig_found`, and show the rows there."""
        name = quoted(before + label)
        return [
            f"INSERT OR REPLACE INTO temp.sqlite_parameters (key, value) SELECT ':sessmig_holds', {holds}"
            " FROM temp.sessmig_found;",
            "SELECT * FROM temp.sessmig_found WHERE :sessmig_holds IS NOT 1 LIMIT 5;",
            f"CREATE TEMP TABLE sessmig_holds (holds CONSTRAINT {name} CHECK (holds IS 1));",
            "INSERT INTO temp.sessmig_holds (holds) VALUES (:sessmig_holds);",
            "DROP TABLE temp.sessmig_holds;",
        ]

    def keep_same(self, number: int, query: str) -> list[str]:
        return [f"CREATE TEMP TABLE sessmig_same_{number} AS {query};"]

    def demand_same(self, number: int, query: str, label: str) -> list[str]:
        kept = f"temp.sessmig_same_{number}"
        holds = (
            f"count(*) = (SELECT count(*) FROM {kept})"
            f" AND NOT EXISTS (SELECT * FROM {kept} EXCEPT SELECT * FROM temp.sessmig_found)"
            f" AND NOT EXISTS (SELECT * FROM temp.sessmig_found EXCEPT SELECT * FROM {kept})"
        )
        return [
            f"-- {label}",
            f"CREATE TEMP TABLE sessmig_found AS {query};",
            *self._stop(holds, label),
            _GONE,
            f"DROP TABLE {kept};",
        ]

    def keep_faults(self) -> list[str]:
        return [
            "INSERT OR REPLACE INTO temp.sqlite_parameters (key, value)",
            "    SELECT ':sessmig_faults', count(*) FROM pragma_foreign_key_check;",
        ]

    def demand_no_faults(self, label: str) -> list[str]:
        found = 'SELECT "table", rowid, parent FROM pragma_foreign_key_check'
        return [
            f"-- {label}",
            f"CREATE TEMP TABLE sessmig_found AS {found};",
            *self._stop("count(*) <= :sessmig_faults", label),
            _GONE,
        ]

    def demand_no_table(self, table: str, label: str) -> list[str]:
        name = sqlite_literal(table.partition(".")[2].strip('"'))
        found = f"SELECT name FROM main.sqlite_master WHERE type = 'table' AND name = {name}"
        return [f"CREATE TEMP TABLE sessmig_found AS {found};", *self._stop("count(*) = 0", label), _GONE]

    def demand_equal(self, query: str, expected: str, label: str) -> list[str]:
        return [
            f"CREATE TEMP TABLE sessmig_found AS SELECT coalesce(({query}), '') AS value;",
            *self._stop(f"max(value = {sqlite_literal(expected)})", label),
            _GONE,
        ]

    def joined(self, column: str, rows: str) -> str:
        ordered = f"SELECT {column} AS line FROM {rows} ORDER BY 1"
        return f"SELECT group_concat(line, char(10)) FROM ({ordered})"

    def forget(self, measures: Sequence[str]) -> list[str]:
        return ["DELETE FROM temp.sqlite_parameters;"]


_GONE = "DROP TABLE temp.sessmig_found;"
