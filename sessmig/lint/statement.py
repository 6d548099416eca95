"""A statement as lint looks at it: its terms with their depth, and the tables that it reads.

Knows how SQL is laid out; understands no more of it than it has to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sessmig import script
from sessmig.model import Dialect

if TYPE_CHECKING:
    from sessmig.lint.change import Change

_ENDS_FROM = {
    *("WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "EXCEPT", "INTERSECT"),
    *("RETURNING", "ON", "USING", "SET", "FOR"),
}


@dataclass(frozen=True, slots=True)
class Term:
    """A word, name, literal, number or sign."""

    kind: str
    text: str
    at: int
    """Where in the statement it begins."""
    depth: int
    """In how many parentheses it stands; a pair's own signs stand outside of it."""
    number: int
    """Its place among the statement's terms."""
    word: str = ""
    """The word in capitals; '' for all else, names in quotes too."""

    @property
    def is_name(self) -> bool:
        return self.kind in ("word", "name")


class Statement:
    """One statement of a file, or one query of a verify file."""

    def __init__(self, text: str, line: int, dialect: Dialect) -> None:
        self.text = text
        self.line = line
        """The line on which it begins."""
        self.dialect = dialect

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        found: list[Term] = []
        depth = 0
        for kind, start, end in script.atoms(self.text, self.dialect):
            text = self.text[start:end]
            depth -= (kind, text) == ("sign", ")")
            found.append(Term(kind, text, start, depth, len(found), text.upper() if kind == "word" else ""))
            depth += (kind, text) == ("sign", "(")
        return tuple(found)

    @cached_property
    def head(self) -> tuple[str, ...]:
        """Its first words, in capitals."""
        return tuple(script.words(self.text, self.dialect))

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What it does to rows: itself, and the changes in its WITH list."""
        from sessmig.lint.change import read_changes  # which looks at statements

        return tuple(read_changes(self))

    @cached_property
    def body(self) -> tuple[Statement, ...]:
        """The statements of a SQLite trigger; a function's are a text in quotes, into which nobody looks."""
        if self.head[:1] != ("CREATE",) or "TRIGGER" not in self.head[:3]:
            return ()
        begin = next((t.number for t in self.terms if t.word == "BEGIN" and not t.depth), len(self.terms))
        found, start = [], begin + 1
        for term in self.terms[start:]:
            if term.text == ";" and term.number > start:
                first = self.terms[start]
                found.append(Statement(self.text[first.at : term.at], self.line_of(first), self.dialect))
            if term.text == ";":
                start = term.number + 1
        return tuple(inner for inner in found if inner.terms[0].word != "END")

    def line_of(self, term: Term) -> int:
        return self.line + self.text.count("\n", 0, term.at)

    def name(self, at: int) -> tuple[str, int]:
        """Return the dotted name that begins at a term, comparable and without its schema, and the place behind it."""
        written, place = "", at
        while place < len(self.terms) and self.terms[place].is_name:
            written += self.terms[place].text
            if place + 1 >= len(self.terms) or self.terms[place + 1].text != ".":
                return self.bare(written), place + 1
            written, place = written + ".", place + 2
        return self.bare(written), place

    def bare(self, written: str) -> str:
        """Return a name so that two names of one thing are equal: without its schema."""
        return (script.parts(written, self.dialect) or ("",))[-1]

    def inner(self, opening: int) -> tuple[Term, ...]:
        """Return what stands between a parenthesis and the one that closes it."""
        depth = self.terms[opening].depth
        end = next((t.number for t in self.terms[opening + 1 :] if t.depth == depth), len(self.terms))
        return self.terms[opening + 1 : end]

    def sources(self, terms: Sequence[Term]) -> set[str]:
        """Return the tables that these terms read; the names of a WITH list are none."""
        found = set()
        for term in terms:
            if term.word == "JOIN" or (term.word == "FROM" and self._is_clause(term)):
                found |= set(self._listed(term))
        return found - self.expressions

    @cached_property
    def expressions(self) -> set[str]:
        """The names of its WITH lists."""
        return {name for name, _ in self.listed}

    @cached_property
    def listed(self) -> tuple[tuple[str, int], ...]:
        """The queries of its WITH lists: the name, and the place of the parenthesis that the query stands in."""
        return tuple(
            (self.bare(self.terms[_name_before(self.terms, term.number)].text), term.number)
            for term in self.terms
            if term.text == "("
            and term.number > 1
            and self.terms[term.number - 1].word in ("AS", "MATERIALIZED")
            and self.has_with
        )

    @cached_property
    def has_with(self) -> bool:
        return any(term.word == "WITH" for term in self.terms)

    def _is_clause(self, term: Term) -> bool:
        """Whether a FROM is that of a query: not of DELETE FROM, IS DISTINCT FROM or extract(… FROM …)."""
        before = self.terms[term.number - 1].word if term.number else ""
        if before in ("DELETE", "DISTINCT"):
            return False
        for other in reversed(self.terms[: term.number]):
            if other.depth < term.depth:
                return False
            if other.depth == term.depth and other.word in ("SELECT", "UPDATE", "DELETE"):
                return True
        return False

    def _listed(self, term: Term) -> Iterator[str]:
        """Yield the tables behind a FROM or JOIN, with commas between."""
        place = term.number + 1
        while place < len(self.terms):
            while place < len(self.terms) and self.terms[place].word in ("ONLY", "LATERAL"):
                place += 1
            if place < len(self.terms) and self.terms[place].is_name:
                name, behind = self.name(place)
                if behind >= len(self.terms) or self.terms[behind].text != "(":
                    yield name
            rest = (t for t in self.terms[place:] if t.depth <= term.depth)
            comma = next((t for t in rest if t.text in (",", ")", ";") or t.word in _ENDS_FROM), None)
            if comma is None or comma.text != "," or comma.depth != term.depth:
                return
            place = comma.number + 1


def _name_before(terms: Sequence[Term], opening: int) -> int:
    """Return the place of a table expression's name: before AS, and before its list of columns."""
    place = opening - 1
    while place > 0 and terms[place].word in ("AS", "NOT", "MATERIALIZED"):
        place -= 1
    if terms[place].text == ")":
        depth = terms[place].depth
        place = next((t.number for t in reversed(terms[:place]) if t.depth == depth and t.text == "("), 1) - 1
    return max(place, 0)
