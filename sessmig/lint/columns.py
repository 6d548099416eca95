"""Tells of a query what its columns are called, and which of them are surely never NULL.

Knows names, literals, a few functions, joins and WITH lists as they are written; of an expression that it does not
know it takes for granted that it may be NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from sessmig.lint.statement import Statement, Term

Known = Callable[[str], Mapping[str, bool] | None]
"""Returns a table's columns, and whether each is never NULL; None where the table is not known."""
Column = tuple[str, bool]
"""A name, '' where it has none, and whether the column is surely never NULL."""

_TAILS = ("FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH")
_COMPOUND = ("UNION", "EXCEPT", "INTERSECT")
_OUTER = {"LEFT", "RIGHT", "FULL", "OUTER"}
_CONDITION = ("ON", "WHERE", "AND")
_BEHIND_WHERE = {*_TAILS, *_COMPOUND} - {"FROM", "WHERE"}
_BEHIND = {*_TAILS, *_COMPOUND, "AND", "JOIN", "INNER", "CROSS", "NATURAL", "ON", "USING"}
# NULL comes out of these only where NULL went in.
_FAITHFUL = ("LOWER", "UPPER", "TRIM", "LTRIM", "RTRIM", "LENGTH")
_FILLING = ("COALESCE", "IFNULL")
# Of a group they are NULL only where all of it is; COUNT never is.
_OF_GROUP = ("MIN", "MAX", "SUM", "AVG")
AGGREGATES = {
    *("COUNT", "SUM", "AVG", "MIN", "MAX", "TOTAL", "GROUP_CONCAT", "STRING_AGG", "ARRAY_AGG", "BOOL_AND", "BOOL_OR"),
    *("EVERY", "JSON_AGG", "JSONB_AGG", "JSON_GROUP_ARRAY", "JSON_GROUP_OBJECT", "JSON_OBJECT_AGG"),
}
"""Functions that make one row of all."""
_COMPARING = ("=", "==", "<", ">", "<=", ">=", "<>", "!=")


def read_columns(statement: Statement, query: Sequence[Term], known: Known) -> list[Column]:
    """Return what a query gives; nothing where it is not understood.

    Args:
        statement: where it stands, with its WITH list.
        query: its terms.
        known: what is known of tables.
    """
    return _Reader(statement, known).columns(query)


def parted(terms: Sequence[Term]) -> Iterator[list[Term]]:
    """Cut terms at the commas that stand in no parentheses of their own."""
    depth = terms[0].depth if terms else 0
    part: list[Term] = []
    for term in terms:
        if term.text == "," and term.depth == depth:
            if part:
                yield part
            part = []
        else:
            part.append(term)
    if part:
        yield part


def _arms(query: Sequence[Term]) -> Iterator[Sequence[Term]]:
    """Yield the parts of a query that UNION and its like put together, each from its SELECT on."""
    depth = query[0].depth
    starts = [n for n, term in enumerate(query) if term.depth == depth and term.word == "SELECT"]
    for start, behind in pairwise([*starts, len(query)]):
        arm = query[start:behind]
        yield arm[: next((n for n, t in enumerate(arm) if t.depth == depth and t.word in _COMPOUND), len(arm))]


def _is_other(term: Term) -> bool:
    """Whether it is no sign that operators are made of."""
    return term.kind != "sign" or term.text not in set("=<>!~@#&|+-*/%^?:")


class _Reader:
    """Reads queries of one statement, each of them once: a WITH list may be read often, and name itself."""

    def __init__(self, statement: Statement, known: Known) -> None:
        self.statement = statement
        self._known = known
        self._read: dict[int, list[Column]] = {}

    def columns(self, query: Sequence[Term]) -> list[Column]:
        if query and query[0].text == "(":
            inner = self.statement.inner(query[0].number)
            is_all = all(term.text == ";" for term in query[len(inner) + 2 :])
            return self.columns(inner) if is_all else []
        if not query:
            return []
        if (place := query[0].number) not in self._read:
            self._read[place] = []
            self._read[place] = self._together([_Arm(self, arm).columns() for arm in _arms(query)])
        return self._read[place]

    def _together(self, arms: Sequence[list[Column]]) -> list[Column]:
        if len({len(columns) for columns in arms}) != 1:
            return []
        names = [name for name, _ in arms[0]]
        return [(name, all(filled for _, filled in same)) for name, *same in zip(names, *arms, strict=True)]

    def given(self, query: Sequence[Term]) -> Mapping[str, bool] | None:
        columns = self.columns(query)
        return dict(columns) if columns else None

    def of(self, table: str) -> Mapping[str, bool] | None:
        """Return the columns of a table, or of what a WITH list calls so; where it does so twice, of both."""
        places = [place for name, place in self.statement.listed if name == table]
        if not places:
            return self._known(table)
        found = []
        for place in places:
            columns = (
                None
                if self.statement.terms[_as(self.statement, place) - 1].text == ")"
                else (self.given(self.statement.inner(place)))
            )
            if columns is None:  # its columns are called otherwise, or it is not understood
                return None
            found.append(columns)
        names = {name for columns in found for name in columns}
        return {name: all(columns.get(name, False) for columns in found) for name in names}


def _as(statement: Statement, opening: int) -> int:
    """Return the place of AS before a query of a WITH list."""
    return next(n for n in range(opening, -1, -1) if statement.terms[n].word == "AS")


class _Arm:
    """One SELECT of a query."""

    def __init__(self, reader: _Reader, terms: Sequence[Term]) -> None:
        self._reader = reader
        self._statement = reader.statement
        self._terms = [term for term in terms if term.text != ";"]
        self._own = [term for term in self._terms if term.depth == terms[0].depth]
        self._is_outer = any(term.word in _OUTER for term in self._own)
        self._tables = dict(self._listed())
        self._compared = set() if self._is_outer else set(self._equal())

    def columns(self) -> list[Column]:
        own = self._terms[0].depth
        end = next((n for n, t in enumerate(self._terms) if t.depth == own and t.word in _TAILS), len(self._terms))
        selected = self._terms[1:end]
        if selected and selected[0].word in ("DISTINCT", "ALL"):
            selected = selected[1:]
        return [self._column(part) for part in parted(selected)]

    def _column(self, part: Sequence[Term]) -> Column:
        name = ""
        if len(part) > 2 and part[-2].word == "AS":
            name, part = self._bare(part[-1]), part[:-2]
        elif part[-1].is_name and (len(part) == 1 or part[-2].text == "."):
            name = self._bare(part[-1])
        return name, self._is_filled(part)

    def _is_filled(self, part: Sequence[Term]) -> bool:
        if len(part) == 1 and part[0].kind in ("string", "number"):
            return True
        if len(part) > 3 and part[0].kind == "word" and part[1].text == "(":
            inner = self._statement.inner(part[1].number)
            return len(inner) == len(part) - 3 and self._is_call_filled(part[0].word, list(parted(inner)))
        name = self._name(part)
        return name is not None and (name in self._compared or self._is_of_table(*name))

    def _is_call_filled(self, function: str, given: Sequence[Sequence[Term]]) -> bool:
        """Whether a function gives no NULL for what is given to it."""
        if function in _FILLING:
            return any(map(self._is_filled, given))
        if function in _OF_GROUP and len(given) == 1:
            words = {term.word for term in self._own}
            return "GROUP" in words and not words & {"ROLLUP", "CUBE", "SETS"} and self._is_filled(given[0])
        return function == "COUNT" or (function in _FAITHFUL and self._is_filled(given[0]))

    def _name(self, part: Sequence[Term]) -> tuple[str, str] | None:
        """Return the table's name and the column's, if that is all that stands there."""
        if len(part) == 1 and part[0].is_name and part[0].word != "NULL":
            return "", self._bare(part[0])
        if len(part) == 3 and part[1].text == "." and part[0].is_name and part[2].is_name:
            return self._bare(part[0]), self._bare(part[2])
        return None

    def _is_of_table(self, table: str, column: str) -> bool:
        """Whether the column is never NULL where it comes from; a row of an outer join may have none."""
        if self._is_outer:
            return False
        if table:
            return (self._tables.get(table) or {}).get(column, False)
        having = [columns[column] for columns in self._tables.values() if columns and column in columns]
        return None not in self._tables.values() and bool(having) and all(having)

    def _equal(self) -> Iterator[tuple[str, str]]:
        """Yield the columns that a row has to have compared with something, so that they are not NULL in any row."""
        start = next((n for n, t in enumerate(self._own) if t.word == "FROM"), len(self._own))
        end = next((n for n, t in enumerate(self._own) if n > start and t.word in _BEHIND_WHERE), len(self._own))
        conditions = self._own[start:end]
        if any(term.word in ("OR", "NOT", "CASE", "BETWEEN") for term in conditions):
            return
        for place, term in enumerate(conditions):
            is_sign = term.kind == "sign" and term.text in "=<>!"
            if not is_sign or conditions[place - 1].text in ("=", "<", ">", "!"):
                continue
            after = next(
                n for n in range(place, len(conditions) + 1) if n == len(conditions) or _is_other(conditions[n])
            )
            if "".join(t.text for t in conditions[place:after]) not in _COMPARING:
                continue
            before = next(n for n in range(place, -1, -1) if conditions[n].word in (*_CONDITION, "FROM"))
            behind = next((n for n, t in enumerate(conditions) if n > place and t.word in _BEHIND), len(conditions))
            for side in (conditions[before + 1 : place], conditions[after:behind]):
                if name := self._name(side):
                    yield name

    def _listed(self) -> Iterator[tuple[str, Mapping[str, bool] | None]]:
        """Yield what it reads, by the name that it has here, with its columns."""
        is_from = False
        for term in self._own:
            if term.word in _TAILS:
                is_from = term.word == "FROM"
            if is_from and (term.word in ("FROM", "JOIN") or term.text == ","):
                yield self._source(term.number + 1)

    def _source(self, place: int) -> tuple[str, Mapping[str, bool] | None]:
        terms = self._statement.terms
        while place < len(terms) and terms[place].word in ("LATERAL", "ONLY"):
            place += 1
        columns: Mapping[str, bool] | None = None
        if place < len(terms) and terms[place].text == "(":
            inner = self._statement.inner(place)
            table, behind = "", place + len(inner) + 2
            columns = self._reader.given(inner)
        else:
            table, behind = self._statement.name(place)
            if behind >= len(terms) or terms[behind].text != "(":  # else it is a function
                columns = self._reader.of(table)
        if behind < len(terms) and terms[behind].word == "AS":
            behind += 1
        is_renamed = behind < len(terms) and terms[behind].is_name and terms[behind].word not in _BEHIND
        return (self._bare(terms[behind]) if is_renamed else table), columns

    def _bare(self, term: Term) -> str:
        return self._statement.bare(term.text)
