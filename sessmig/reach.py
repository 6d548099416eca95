"""Says which tables a statement locks beside those that it names: by keys, partitions and indexes, as they stand now.

A pure function of the statement and of what the catalogue had; what an earlier step of the same run makes is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sessmig import script
from sessmig.databases.scripting import Tie
from sessmig.model import Dialect

_ALL = "ACCESS EXCLUSIVE"
_TO_CHILDREN = ("TRUNCATE", "CREATE INDEX", "LOCK", "UPDATE", "DELETE", "CREATE TRIGGER", "REINDEX")
_ALTERING = ("ADD", "DROP", "ALTER", "VALIDATE")
"""What an ALTER TABLE does to the children too."""


def locks(text: str, ties: Sequence[Tie], dialect: Dialect) -> tuple[tuple[str, str], ...]:
    """Return the locks of a statement, those by ties included."""
    own = script.locks(text, dialect)
    if not (own and ties):
        return own
    outline = script.outline(text, dialect)
    spoken = script.words(text, dialect, limit=2_000)
    reach = _Reach(ties, dialect)
    found: list[tuple[str, str]] = []
    for name, mode in own:
        if name.startswith("the table of "):
            found += reach.indexed(name, mode)
            continue
        found.append((name, mode))
        if outline.verb == "DROP TABLE":
            found += reach.dropped(name, cascades="CASCADE" in spoken)
        elif outline.verb == "ALTER TABLE" and script.parts(name, dialect) == script.parts(outline.target, dialect):
            found += reach.altered(text, spoken, name)
            if "ONLY" not in spoken[:5] and {*_ALTERING} & {*spoken[2:]}:
                found += ((child, mode) for child in reach.children(name))
        elif outline.verb == "TRUNCATE" and "CASCADE" in spoken:
            found += ((other, _ALL) for other in reach.referring(name, deep=True))
        if outline.verb in _TO_CHILDREN and "ONLY" not in spoken[:5]:
            found += ((child, mode) for child in reach.children(name))
    return tuple(dict.fromkeys(found))


class _Reach:
    """Along which ties a lock goes on."""

    def __init__(self, ties: Iterable[Tie], dialect: Dialect) -> None:
        self._ties = tuple(ties)
        self._dialect = dialect

    def _of(self, kind: str, written: str) -> Iterator[Tie]:
        """Give the ties of what is written so."""
        name = script.parts(written, self._dialect)
        return (tie for tie in self._ties if tie.kind == kind and name in tie.one_is)

    def _to(self, kind: str, written: str) -> Iterator[Tie]:
        name = script.parts(written, self._dialect)
        return (tie for tie in self._ties if tie.kind == kind and name in tie.other_is)

    def indexed(self, name: str, mode: str) -> list[tuple[str, str]]:
        """Name the table of an index, where it is there."""
        tables = [tie.other for tie in self._of("index", name.removeprefix("the table of "))]
        return [(table, mode) for table in tables] or [(name, mode)]

    def children(self, name: str) -> Iterator[str]:
        for tie in self._to("child", name):
            yield tie.one
            yield from self.children(tie.one)

    def referring(self, name: str, *, deep: bool) -> list[str]:
        found, open_ = [], [name]
        while open_:
            for tie in self._to("key", open_.pop()):
                if tie.one not in found:
                    found.append(tie.one)
                    open_ += [tie.one] if deep else []
        return found

    def dropped(self, name: str, *, cascades: bool) -> Iterator[tuple[str, str]]:
        """A key goes with its table, from the other one too; a partition leaves its table."""
        yield from ((tie.other, _ALL) for tie in (*self._of("key", name), *self._of("child", name)))
        if cascades:
            yield from ((other, _ALL) for other in (*self.referring(name, deep=False), *self.children(name)))

    def altered(self, text: str, spoken: Sequence[str], name: str) -> Iterator[tuple[str, str]]:
        """A key goes with its columns, or by its own name."""
        columns = {script.parts(c, self._dialect)[-1] for c in script.act(text, self._dialect).dropped_columns}
        keys = {script.parts(word, self._dialect) for word in _constraints(spoken)}
        for tie in self._of("key", name):
            if columns & tie.columns or (tie.name,) in keys:
                yield tie.other, _ALL
        if "CASCADE" in spoken:
            yield from ((tie.one, _ALL) for tie in self._to("key", name) if keys or columns & tie.others)


def _constraints(spoken: Sequence[str]) -> Iterator[str]:
    for n, word in enumerate(spoken[:-2]):
        if (word, spoken[n + 1]) == ("DROP", "CONSTRAINT"):
            yield next((one for one in spoken[n + 2 :] if one not in ("IF", "EXISTS")), "")
