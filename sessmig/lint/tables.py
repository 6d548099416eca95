"""What the files of a series tell of its tables: columns that are never NULL, keys, and who refers to whom.

Knows CREATE TABLE, ALTER TABLE and CREATE UNIQUE INDEX as they are written; a table that stood there before the
series is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sessmig import script
from sessmig.lint.columns import parted, read_columns
from sessmig.lint.names import is_surely_a_name, may_name_a_column
from sessmig.lint.statement import Statement, Term
from sessmig.model import Dialect

_OF_TABLE = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "LIKE", "PERIOD")
_SCHEMA_TABLES = ("sqlite_master", "sqlite_schema")
_OF_SCHEMA = {"type": True, "name": True, "tbl_name": True, "rootpage": True, "sql": False}
# A primary key of SQLite may be NULL, unless it is the rowid; in PostgreSQL it never is.
_KEY_MAY_BE_NULL: dict[Dialect, bool] = {"sqlite": True, "postgres": False}


@dataclass(slots=True)
class Shape:
    """What is known of one table."""

    columns: set[str] = field(default_factory=set)
    not_null: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    """Columns of a primary key or of something unique."""
    single: set[str] = field(default_factory=set)
    """Those of them that are one by themselves."""
    types: dict[str, str] = field(default_factory=dict)
    """What the columns are of, comparable, where a CREATE or ALTER says so."""

    @property
    def alone(self) -> set[str]:
        """The columns that no two rows have alike: NULL is not unique."""
        return self.single & self.not_null


class Tables:
    """The tables that the files of a series make."""

    def __init__(self) -> None:
        self._shapes: dict[str, Shape] = {}
        self._references: dict[str, set[str]] = {}
        self._views: dict[str, set[str]] = {}
        self.names: set[str] = {"rowid", "oid", "_rowid_"}
        """All that is surely a name somewhere, comparable."""

    def __contains__(self, table: str) -> bool:
        return table in self._shapes

    def shape(self, table: str) -> Shape:
        return self._shapes.get(table, Shape())

    def behind(self, tables: Iterable[str]) -> set[str]:
        """Return these tables, and those that are read where some of them are views."""
        found, fresh = set(), set(tables)
        while fresh:
            found |= fresh
            fresh = {source for name in fresh for source in self._views.get(name, ())} - found
        return found

    def dependents(self, table: str) -> list[str]:
        """Return the tables that refer to this one, itself not counted."""
        return sorted(self._references.get(table, set()) - {table})

    def columns(self, table: str) -> Mapping[str, bool] | None:
        """Return the columns of a table, and whether each is never NULL; None where nothing is known of them."""
        if table in _SCHEMA_TABLES:
            return _OF_SCHEMA
        shape = self._shapes.get(table)
        return {column: column in shape.not_null for column in shape.columns} if shape and shape.columns else None

    def learn(self, statement: Statement) -> None:
        """Take in what one statement tells."""
        self._learn_names(statement)
        head = statement.head
        if not head or head[0] not in ("CREATE", "ALTER"):
            return
        if "TABLE" in head[:4] and head[0] == "CREATE":
            self._made(statement)
        elif "VIEW" in head[:5] and head[0] == "CREATE":
            view = statement.bare(script.outline(statement.text, statement.dialect).target)
            self._views.setdefault(view, set()).update(statement.sources(statement.terms))
        elif head[0] == "CREATE" and head[1:3] == ("UNIQUE", "INDEX"):
            on = next((t for t in statement.terms if t.word == "ON" and t.depth == 0), None)
            if on and on.number + 1 < len(statement.terms):
                table, opening = statement.name(on.number + 1)
                if opening < len(statement.terms) and statement.terms[opening].text == "(":
                    is_partial = any(t.word == "WHERE" and t.depth == 0 for t in statement.terms)
                    self._keys(table, statement, opening, is_partial=is_partial)
        elif head[:2] == ("ALTER", "TABLE"):
            self._altered(statement)

    def _made(self, statement: Statement) -> None:
        table = statement.bare(script.outline(statement.text, statement.dialect).target)
        shape = self._shapes.setdefault(table, Shape())
        opening = next((t for t in statement.terms if t.text == "(" and t.depth == 0), None)
        query = next((t for t in statement.terms if t.word == "AS" and t.depth == 0), None)
        if query and (opening is None or query.number < opening.number):
            for column, is_filled in read_columns(statement, statement.terms[query.number + 1 :], self.columns):
                shape.columns.add(column)
                shape.not_null |= {column} if is_filled else set()
            return
        if opening is None:
            return
        for part in parted(statement.inner(opening.number)):
            self._part(table, shape, statement, part)

    def _part(self, table: str, shape: Shape, statement: Statement, part: Sequence[Term]) -> None:
        words = [term.word for term in part]
        if part[0].word not in _OF_TABLE:
            column = statement.bare(part[0].text)
            shape.columns.add(column)
            is_key = "PRIMARY" in words
            is_filled = is_key and (words[1:2] == ["INTEGER"] or not _KEY_MAY_BE_NULL[statement.dialect])
            if is_filled or ("NOT", "NULL") in pairwise(words):
                shape.not_null.add(column)
            if is_key or "UNIQUE" in words:
                shape.keys.add(column)
                shape.single.add(column)
            if len(part) > 1 and part[1].is_name:
                shape.types[column] = statement.name(part[1].number)[0]
        else:
            for word in ("PRIMARY", "UNIQUE"):
                if word in words:
                    opening = next((t for t in part if t.text == "("), None)
                    if opening:
                        self._keys(table, statement, opening.number)
        for term in part:
            if term.word == "REFERENCES":
                self._references.setdefault(statement.name(term.number + 1)[0], set()).add(table)

    def _keys(self, table: str, statement: Statement, opening: int, *, is_partial: bool = False) -> None:
        shape = self._shapes.setdefault(table, Shape())
        columns = {statement.bare(t.text) for t in statement.inner(opening) if t.is_name}
        shape.keys |= columns
        shape.single |= columns if len(statement.inner(opening)) == 1 and not is_partial else set()

    def _altered(self, statement: Statement) -> None:
        act = script.act(statement.text, statement.dialect)
        if not act.tables:
            return
        table = statement.bare(act.tables[0])
        if act.new_name:
            new = statement.bare(act.new_name)
            if table in self._shapes:
                self._shapes[new] = self._shapes[table]
            self._references[new] = self._references.get(new, set()) | self._references.get(table, set())
            return
        for term in statement.terms:
            if term.word == "TYPE" and term.depth == 0 and table in self._shapes:
                column = next(t for t in reversed(statement.terms[: term.number]) if t.word not in ("SET", "DATA"))
                kind = statement.name(term.number + 1)[0] if term.number + 1 < len(statement.terms) else ""
                self._shapes[table].types[statement.bare(column.text)] = kind
            if term.word == "ADD" and term.depth == 0:
                part = list(_action(statement.terms[term.number + 1 :]))
                while part and part[0].word in ("COLUMN", "IF", "NOT", "EXISTS"):
                    part.pop(0)
                if part:
                    self._part(table, self._shapes.get(table, Shape()), statement, part)

    def _learn_names(self, statement: Statement) -> None:
        """Take in words without quotes that may be names, and names in quotes where nothing but a name can stand."""
        if any(term.word.lower() in _SCHEMA_TABLES for term in statement.terms):
            self.names |= _OF_SCHEMA.keys()
        for term in statement.terms:
            if term.kind == "word" and may_name_a_column(statement, term):
                self.names.add(script.comparable(term.text, statement.dialect, is_quoted=False))
            elif term.kind == "name" and is_surely_a_name(statement, term):
                self.names.add(statement.bare(term.text))


def _action(terms: Sequence[Term]) -> Iterator[Term]:
    """Yield one action of an ALTER TABLE: up to its comma."""
    for term in terms:
        if term.depth == 0 and term.text in (",", ";"):
            return
        yield term
