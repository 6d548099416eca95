"""The changes of rows that a statement holds: which table, which columns, and the query that the rows come from.

Knows INSERT, UPDATE, DELETE and MERGE, and the two ways to make a table of a query.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from sessmig import script
from sessmig.lint.statement import Statement, Term

_CHANGING = ("INSERT", "REPLACE", "UPDATE", "DELETE", "MERGE")
_INTO_TABLE = ("TEMP", "TEMPORARY", "UNLOGGED", "TABLE", "LOCAL", "GLOBAL")
_QUERY = ("SELECT", "VALUES", "WITH", "TABLE")


@dataclass(frozen=True)
class Change:
    """One INSERT, REPLACE, UPDATE, DELETE or MERGE, or a CREATE TABLE … AS or SELECT … INTO."""

    statement: Statement
    verb: str
    terms: tuple[Term, ...]
    target: str
    """The table's name, comparable and without its schema."""

    @cached_property
    def line(self) -> int:
        return self.statement.line_of(self.terms[0])

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words that stand in it outside parentheses."""
        return tuple(term.word for term in self.own if term.word)

    @cached_property
    def own(self) -> tuple[Term, ...]:
        """Its terms outside parentheses."""
        return tuple(term for term in self.terms if term.depth == self.terms[0].depth)

    @cached_property
    def scope(self) -> tuple[Term, ...]:
        """Its terms, with the WITH list that stands before it."""
        return self.statement.terms if not self.terms[0].depth else self.terms

    @cached_property
    def conflict(self) -> str:
        """What OR says on SQLite: IGNORE, REPLACE, ABORT, …; '' where nothing."""
        if self.verb == "REPLACE":
            return "REPLACE"
        return self.terms[2].word if len(self.terms) > 2 and self.terms[1].word == "OR" else ""

    @cached_property
    def columns(self) -> tuple[str, ...] | None:
        """The columns that an INSERT names; None where it names none."""
        opening = self._opening
        if opening is None:
            return None
        return tuple(self.statement.bare(t.text) for t in self.statement.inner(opening) if t.is_name)

    @cached_property
    def query(self) -> tuple[Term, ...]:
        """The query that it takes its rows from; empty where it has none, or only writes out its rows."""
        if self.verb == "SELECT INTO":
            return self.terms
        if self.verb not in ("INSERT", "REPLACE", "CREATE TABLE"):
            return ()
        start = self._behind_names
        if self._opening is not None:
            start = self._opening + len(self.statement.inner(self._opening)) + 2
        rest = self.terms[start - self.terms[0].number :]
        begins = next((n for n, term in enumerate(rest) if term.word in (*_QUERY, "DEFAULT", "SET")), None)
        if begins is None or rest[begins].word in ("DEFAULT", "SET"):
            return ()
        found = rest[begins:]
        return found if any(term.word in ("SELECT", "TABLE") for term in found) else ()

    @cached_property
    def _behind_names(self) -> int:
        """The place behind the target's name and alias."""
        words = [term for term in self.terms if term.word in ("INTO", "TABLE")]
        place = (words[0] if words else self.terms[0]).number + 1
        while place < len(self.statement.terms) and self.statement.terms[place].word in ("IF", "NOT", "EXISTS"):
            place += 1
        place = self.statement.name(place)[1]
        if (
            self.verb != "CREATE TABLE"
            and place < len(self.statement.terms)
            and self.statement.terms[place].word == "AS"
        ):
            place += 2
        return place

    @cached_property
    def _opening(self) -> int | None:
        place = self._behind_names
        terms = self.statement.terms
        if place + 1 >= len(terms) or terms[place].text != "(" or terms[place + 1].word in _QUERY:
            return None
        return place


def read_changes(statement: Statement) -> Iterator[Change]:
    """Yield what a statement does to rows: itself, and the changes in its WITH list."""
    terms = statement.terms
    if not terms:
        return
    first = terms[0].word
    if first == "CREATE":
        yield from _made(statement)
        return
    into = next((t for t in terms if t.word == "INTO" and not t.depth), None)
    if into and script.outline(statement.text, statement.dialect).verb == "SELECT":
        behind = next((t for t in terms[into.number + 1 :] if t.word not in _INTO_TABLE), into)
        select = next(t for t in terms if t.word == "SELECT" and not t.depth)
        if not {"TEMP", "TEMPORARY"} & {t.word for t in terms[into.number : behind.number]}:
            yield Change(statement, "SELECT INTO", terms[select.number :], statement.name(behind.number)[0])
        return
    for term in terms:
        if term.word in _CHANGING and _begins(terms, term, first):
            rest = terms[term.number :]
            end = next((t.number for t in rest if t.depth < term.depth or t.text == ";"), len(terms))
            own = terms[term.number : end]
            yield Change(statement, term.word, own, _target(statement, own))


def _begins(terms: Sequence[Term], term: Term, first: str) -> bool:
    """Whether a verb begins a statement, or a change in a WITH list."""
    if term.number == 0:
        return True
    before = terms[term.number - 1]
    if before.text == "(":
        return term.number > 1 and terms[term.number - 2].word in ("AS", "MATERIALIZED")
    return first == "WITH" and term.depth == 0 and before.text == ")"


def _made(statement: Statement) -> Iterator[Change]:
    """Yield a CREATE TABLE … AS, which is a copy too."""
    head = statement.head
    if "TABLE" not in head[:4]:
        return
    terms = statement.terms
    for term in terms:
        behind = terms[term.number + 1].word if term.number + 1 < len(terms) else ""
        if term.word == "AS" and term.depth == 0 and (behind in _QUERY or terms[term.number + 1].text == "("):
            target = statement.bare(script.outline(statement.text, statement.dialect).target)
            yield Change(statement, "CREATE TABLE", terms, target)
            return


def _target(statement: Statement, terms: Sequence[Term]) -> str:
    skipped = {"INTO", "FROM", "ONLY", "INSERT", "REPLACE", "UPDATE", "DELETE", "MERGE"}
    place = 0
    while place < len(terms) and (terms[place].word in skipped or terms[place].word == "OR"):
        place += 2 if terms[place].word == "OR" else 1
    return statement.name(terms[place].number)[0] if place < len(terms) else ""
