"""Finds out which tables of SQLite the statements of a step may take rows out of, also by triggers and cascades.

Knows what statements, triggers and foreign keys say; counts nothing. A name that stands anywhere in a statement counts
as reached by it, so it is never too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sessmig.databases.sqlite_known import Known
from sessmig.databases.sqlite_names import Names, folded, replaced, words
from sessmig.databases.sqlite_tables import Tables
from sessmig.model import Piece

# The function replace() deletes nothing.
_REPLACE = re.compile(r"\bREPLACE\b(?!\s*\()", re.IGNORECASE)
_IGNORES = re.compile(r"\bAFTER\b.*\bRAISE\s*\(\s*IGNORE\b", re.IGNORECASE | re.DOTALL)
BY_HAND = {"writable_schema", "schema_version"}
"""With one of these words in a statement, SQLite's own count of the changes of the schema may tell nothing."""
_TAKING = {"delete", "replace", "drop"}
"""Without one of these words in a statement, or in a trigger, no row can go."""


def spoken(pieces: Iterable[Piece]) -> set[str]:
    """Return the words in which statements may name something; what an INSERT brings is left out."""
    heads = {piece.head for piece in pieces if piece.is_plain}
    return words(heads) | words(piece.statement for piece in pieces if not piece.is_plain)


class Reach:
    """What a step may do to the tables that stand before it, and to those that it makes.

    Args:
        tables: the tables, as they stand before the step.
        pieces: its statements.
    """

    def __init__(self, tables: Tables, pieces: Sequence[Piece]) -> None:
        tables.refresh()
        triggers = tables.triggers()
        said = spoken(pieces)
        # Whoever writes the schema by hand may make triggers of any text.
        self.is_by_hand = bool(said & BY_HAND)
        self.is_harmless = not (self.is_by_hand or triggers or said & _TAKING or tables.have_replacing)
        """Whether no row can go. Of the most files that is all there is to say."""
        made = (piece.statement for piece in pieces if _changes_schema(piece))
        self.ignores = any(map(_IGNORES.search, (*(body for _, body in triggers), *made)))
        """Whether a trigger, behind a row that is deleted, may have none of those run that are to follow."""
        if not self.is_harmless:
            self._follow(tables, pieces, triggers, said)

    def _follow(
        self, tables: Tables, pieces: Sequence[Piece], triggers: Sequence[tuple[str, str]], said: set[str]
    ) -> None:
        standing = tables.refresh()
        self._standing = {table.identity: folded(table.name) for table in standing}
        self._links = tables.reached(by_keys=True)
        known = {*self._standing.values(), *self._links}
        self._names = Names(known)
        self._reached = known if self.is_by_hand else self._followed(self._names.among(said))
        triggers = [(on, body) for on, body in triggers if on in self._reached]
        schema = {folded(table.name) for table in standing if table.replaces} & self._reached
        self._suspects = self._replaced(pieces, triggers)
        """The names of what REPLACE may delete rows of; None if that may be everything."""
        if self._suspects is not None:
            self._suspects = self._followed(self._suspects | schema)
        fired = words(body for _, body in triggers)
        self.is_harmless = not (self.is_by_hand or schema or said & _TAKING or fired & _TAKING)

    def may_take(self, table: Known) -> bool:
        """Tell whether rows of a table may go; of one that the step has made they may, if any may."""
        return not self.is_harmless and (
            table.identity not in self._standing or self._standing[table.identity] in self._reached
        )

    def may_replace(self, table: Known) -> bool:
        """Tell whether REPLACE may delete rows of a table: triggers do not see that."""
        return self.may_take(table) and (self._suspects is None or folded(table.name) in self._suspects)

    def _followed(self, names: set[str]) -> set[str]:
        """Add what triggers and foreign keys reach from some tables and views."""
        found, new = set(names), set(names)
        while new:
            new = {name for each in new for name in self._links.get(each, ())} - found
            found |= new
        return found

    def _replaced(self, pieces: Sequence[Piece], triggers: Sequence[tuple[str, str]]) -> set[str] | None:
        """Name what statements and triggers say REPLACE of.

        A statement's own REPLACE goes for what its triggers write too, whatever they say themselves; so where triggers,
        views or tables are made or renamed, it may be anything.
        """
        found: set[str] = set()
        for on, body in triggers:
            if _REPLACE.search(body):
                found |= {on, *self._names.among(words([body]))}
        says_it = bool(found)
        for piece in pieces:
            if _REPLACE.search(piece.text, piece.body):
                says_it = True
                targets = replaced(piece.statement)
                if targets is None or not targets <= self._names.all:
                    targets = self._names.among(words([piece.statement]))
                found |= targets
        return None if says_it and any(map(_changes_schema, pieces)) else found


def _changes_schema(piece: Piece) -> bool:
    # As cheap as it can be: a file may hold 200,000 statements.
    return piece.text[piece.body : piece.body + 6].upper().startswith(("CREATE", "ALTER"))
