"""Writes the queries that a merge's row account is made of: plain SQL, one join of source and target each.

Knows merges; asks no database. The source is `s` in every query, the target `t`, and what is kept of the time before
the step `k`: the rejected rows of the source, and the ones that stood in the target with other values. Rows are matched
by the databases' own `=`; the keys are compared too, as it may take A for a.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import replace

from sessmig.merge import Kind, Merge

Unlike = Callable[[str, str, Kind], str]
"""Writes the condition that two values differ, with NULL as a value: left, right, of what kind both are."""


class MergeSql:
    """The queries of one merge.

    Args:
        merge: the merge.
        unlike: how this database compares.
        kinds: of what kind the columns are that `compared` gives.
    """

    def __init__(self, merge: Merge, unlike: Unlike, *, kinds: Sequence[Kind] = ()) -> None:
        self._merge = merge
        self._unlike = unlike
        self._kept = ""
        self._after = merge.standing
        self._keys = [source for source, _ in merge.keys]
        self._pairs = list(dict.fromkeys((*merge.keys, *merge.comparing)))
        half = len(self._pairs)
        self._kinds = dict(zip(self._pairs, map(_common, kinds[:half], kinds[half:]), strict=False))

    def known(self, kinds: Sequence[Kind]) -> MergeSql:
        """Return the same queries, comparing columns of these kinds."""
        return MergeSql(self._merge, self._unlike, kinds=kinds)

    def keeping(self, kept: str) -> MergeSql:
        """Return the same queries, with this table of what is kept."""
        same = copy(self)
        same._kept = kept
        return same

    def standing_at(self, place: str) -> MergeSql:
        """Return the same queries, with the source found elsewhere after the step."""
        same = copy(self)
        same._after = place
        return same

    def to_come(self) -> MergeSql:
        """Return the same queries for the time before the step, where the step itself makes the target.

        An empty table stands for it, with the columns that it will have.
        """
        columns = {target: source for source, target in self._pairs}
        listed = _listed(f"s.{source} AS {target}" for target, source in columns.items())
        empty = f"(SELECT {listed} FROM {self._merge.read} AS s WHERE 1 = 0)"
        return MergeSql(replace(self._merge, target=empty), self._unlike)

    def probe(self) -> str:
        """Ask for no row of the target."""
        return f"SELECT 1 FROM {self._merge.target} AS t LIMIT 0"

    # Before the step.

    def compared(self, *, after: bool = False) -> str:
        """Return no row, with the keys and compared columns of the source and then those of the target."""
        columns = [f"s.{source}" for source, _ in self._pairs] + [f"t.{target}" for _, target in self._pairs]
        return f"SELECT {_listed(columns)} FROM {self._both(self._after if after else '')} LIMIT 0"

    def totals(self) -> str:
        """Count the rows of the source, and those with a NULL in their key."""
        no_key = " OR ".join(f"s.{name} IS NULL" for name in self._keys)
        return f"SELECT count(*), count(CASE WHEN {no_key} THEN 1 END) FROM {self._merge.read} AS s"

    def without_key(self, limit: int) -> str:
        """Show rows of the source with a NULL in their key."""
        columns = _listed(f"s.{name}" for name in dict.fromkeys(source for source, _ in self._pairs))
        no_key = " OR ".join(f"s.{name} IS NULL" for name in self._keys)
        return f"SELECT {columns} FROM {self._merge.read} AS s WHERE {no_key} LIMIT {limit}"

    def twice(self, what: str) -> str:
        """Ask for the keys that stand in the source more than once."""
        keys = _listed(f"s.{name}" for name in self._keys)
        return (
            f"SELECT {what} FROM (SELECT {keys}, count(*) AS times FROM {self._merge.read} AS s"
            f" GROUP BY {keys} HAVING count(*) > 1) AS twice"
        )

    def rejected(self) -> str:
        """Count the rows that each rule rejects, a row by the first rule that fits; rules are numbered from 1."""
        return f"SELECT s.sessmig_rule, count(*) FROM {self._ruled()} AS s WHERE s.sessmig_rule > 0 GROUP BY 1"

    def _ruled(self) -> str:
        rules = " ".join(f"WHEN ({rule.condition}) THEN {n}" for n, rule in enumerate(self._merge.rejects, 1))
        # The table keeps its own name here, so that a rule's subquery can speak of it.
        source = self._merge.read
        if source.startswith("("):
            source += f" AS {'source' if self._merge.source.startswith('(') else self._merge.source.rpartition('.')[2]}"
        return f"(SELECT *, CASE {rules} ELSE 0 END AS sessmig_rule FROM {source})"

    def nothing_kept(self) -> str:
        """Return no row, with the columns of what is kept: the key, the rule, whether it stood, the target's values."""
        columns = [f"s.{name} AS key_{n}" for n, name in enumerate(self._keys, 1)]
        columns += ["0 AS rule", "0 AS stood"]
        columns += [f"t.{target} AS value_{n}" for n, (_, target) in enumerate(self._merge.comparing, 1)]
        # Joined by the keys: Citus takes no other join of tables that are distributed by them.
        return f"SELECT {', '.join(columns)} FROM {self._both()} LIMIT 0"

    def kept_shown(self) -> str:
        """The kept keys, by their own names."""
        return _listed(f"k.{kept} AS {name}" for kept, name in zip(self.kept_keys, self._keys, strict=True))

    @property
    def kept_keys(self) -> list[str]:
        """The columns by which a kept row is found."""
        return [f"key_{n}" for n, _ in enumerate(self._keys, 1)]

    def keep_rejected(self) -> str:
        """Keep the keys of the rejected rows, whether the target holds them, and its values."""
        columns = [*self.kept_keys, "rule", "stood", *self._values()]
        values = [f"s.{name}" for name in self._keys]
        values += ["s.sessmig_rule", f"CASE WHEN {self._lacking()} THEN 0 ELSE 1 END"]
        values += [f"t.{target}" for _, target in self._merge.comparing]
        return (
            f"INSERT INTO {self._kept} ({_listed(columns)}) SELECT {_listed(values)} FROM {self._ruled()} AS s"
            f" LEFT JOIN {self._merge.target} AS t ON {self._on('s')} WHERE s.sessmig_rule > 0"
        )

    def standing(self) -> str:
        """Count the rows whose key the target holds already, and those of them that have other values there."""
        return f"SELECT count(*), count(CASE WHEN {self._differ()} THEN 1 END) FROM {self._matched()}"

    def keep_differing(self) -> str:
        """Keep the keys that have other values in the target, and these values."""
        columns = [*self.kept_keys, "rule", "stood", *self._values()]
        values = [f"s.{name}" for name in self._keys] + ["0", "1"]
        values += [f"t.{target}" for _, target in self._merge.comparing]
        return (
            f"INSERT INTO {self._kept} ({_listed(columns)})"
            f" SELECT {_listed(values)} FROM {self._matched(f'({self._differ()})')}"
        )

    def differing(self, limit: int) -> str:
        """Show rows that have other values in the target."""
        return f"SELECT {self._shown()} FROM {self._matched(f'({self._differ()})')} LIMIT {limit}"

    def _matched(self, *conditions: str) -> str:
        return self._apart(self._both(), *conditions)

    def _both(self, source: str = "") -> str:
        return f"{source or self._merge.read} AS s JOIN {self._merge.target} AS t ON {self._on('s')}"

    # After it.

    def arrived(self) -> str:
        """Count the rows that are to be in the target, those that are not, and those with other values there."""
        lacking = self._lacking()
        return (
            f"SELECT count(*), count(CASE WHEN {lacking} THEN 1 END),"
            f" count(CASE WHEN NOT ({lacking}) AND ({self._differ()}) THEN 1 END)"
            f" FROM {self._apart(self._left())}"
        )

    def missing(self, what: str) -> str:
        """Ask for the rows that are to be in the target and are not."""
        return f"SELECT {what} FROM {self._apart(self._left(), self._lacking())}"

    def lost(self, limit: int, *, keys_only: bool = False) -> str:
        """Show rows that are to be in the target and are not."""
        columns = self._keys + ([] if keys_only else [source for source, _ in self._merge.comparing])
        return self.missing(_listed(f"s.{name}" for name in dict.fromkeys(columns))) + f" LIMIT {limit}"

    def changed(self, limit: int) -> str:
        """Show rows that are in the target with other values."""
        rows = self._apart(self._both(self._after), f"({self._differ()})")
        return f"SELECT {self._shown()} FROM {rows} LIMIT {limit}"

    def standing_total(self) -> str:
        """Count the rows of the source as it is after the step."""
        return f"SELECT count(*) FROM {self._after} AS s"

    def absent(self) -> str:
        """Count the rejected rows that are not in the target."""
        lacking = f"NOT EXISTS (SELECT 1 FROM {self._merge.target} AS t WHERE {self._on('k')})"
        return f"SELECT count(*) FROM {self._kept} AS k WHERE k.rule > 0 AND {lacking}"

    def doubled(self, limit: int) -> str:
        """Show keys of the source that the target holds more than once."""
        keys = _listed(f"s.{name}" for name in self._keys)
        found = f"FROM {self._both(self._after)} GROUP BY {keys} HAVING count(*) > 1"
        return f"SELECT {keys}, count(*) AS times {found} LIMIT {limit}"

    def overruled(self, what: str) -> str:
        """Ask for the rejected rows that came into the target all the same."""
        target = f"{self._merge.target} AS t ON {self._on('k')}"
        return f"SELECT {what} FROM {self._kept} AS k JOIN {target} WHERE k.rule > 0 AND k.stood = 0"

    def overwritten(self, what: str) -> str:
        """Ask for the rows of the target that were to stay as they were, and did not."""
        others = [
            self._unlike(f"k.{value}", f"t.{pair[1]}", self._kinds.get(pair, ""))
            for value, pair in zip(self._values(), self._merge.comparing, strict=True)
        ]
        return (
            f"SELECT {what} FROM {self._kept} AS k LEFT JOIN {self._merge.target} AS t ON {self._on('k')}"
            f" WHERE k.stood = 1 AND ({' OR '.join([self._lacking(), *others])})"
        )

    def copy(self) -> str:
        """Ask for what has to be known of a source whose rows the step itself takes away."""
        columns = dict.fromkeys([*self._keys, *(source for source, _ in self._merge.comparing)])
        return f"SELECT {_listed(f's.{name}' for name in columns)} FROM {self._merge.read} AS s"

    def moved(self, kept_copy: str, sharing: Iterable[MergeSql] = ()) -> str:
        """Count the rows that have left and that the target has, or one of others that share the source; and all."""
        same = " AND ".join(f"s.{name} = c.{name}" for name in self._keys)
        gone = f"NOT EXISTS (SELECT 1 FROM {self._merge.read} AS s WHERE {same})"
        there = "NOT EXISTS (SELECT 1 FROM {} AS k WHERE {})"
        taken = [m._kept and there.format(m._kept, m._kept_of("c")) for m in (self, *sharing)]
        either = f"CASE WHEN {' OR '.join(taken)} THEN 1 END" if all(taken) else "*"
        return f"SELECT count({either}), count(*) FROM {kept_copy} AS c WHERE {gone}"

    def _left(self) -> str:
        return f"{self._after} AS s LEFT JOIN {self._merge.target} AS t ON {self._on('s')}"

    def _lacking(self) -> str:
        return f"t.{self._merge.keys[0][1]} IS NULL"

    def _on(self, side: str) -> str:
        names = self._keys if side == "s" else self.kept_keys
        return " AND ".join(
            f"t.{target} = {side}.{name}" for name, (_, target) in zip(names, self._merge.keys, strict=True)
        )

    def _apart(self, rows: str, *conditions: str) -> str:
        """Leave out rejected rows and those that differed; by a join, as Citus has no other way for rows elsewhere."""
        if self._kept:
            rows += f" LEFT JOIN {self._kept} AS k ON {self._kept_of('s')}"
            conditions += (f"k.{self.kept_keys[0]} IS NULL",)
        return rows + _where(*conditions)

    def _kept_of(self, side: str) -> str:
        return " AND ".join(f"k.{kept} = {side}.{name}" for kept, name in zip(self.kept_keys, self._keys, strict=True))

    def _differ(self) -> str:
        return " OR ".join(self._unlikes())

    def _unlikes(self) -> list[str]:
        return [
            self._unlike(f"s.{source}", f"t.{target}", self._kinds.get((source, target), ""))
            for source, target in self._pairs
        ]

    def _shown(self) -> str:
        """The key, the columns that differ, and the first of these on both sides."""
        conditions = self._unlikes()
        names = [source for source, _ in self._pairs]
        where = " || ".join(
            f"CASE WHEN {differs} THEN '{name.replace(chr(39), chr(39) * 2)} ' ELSE '' END"
            for differs, name in zip(conditions, names, strict=True)
        )
        first = [
            " ".join(
                f"WHEN {differs} THEN CAST({side}.{pair[side == 't']} AS TEXT)"
                for differs, pair in zip(conditions, self._pairs, strict=True)
            )
            for side in ("s", "t")
        ]
        keys = _listed(f"s.{name}" for name in self._keys)
        return (
            f"{keys}, rtrim({where}) AS differs_in, CASE {first[0]} END AS in_source, CASE {first[1]} END AS in_target"
        )

    def _values(self) -> list[str]:
        return [f"value_{n}" for n, _ in enumerate(self._merge.comparing, 1)]


def _common(left: Kind, right: Kind) -> Kind:
    """Return how values of two kinds are compared: `number` where only one of two numbers is exact."""
    if "json" in (left, right):
        return "json"
    if {left, right} == {"number", "float"}:
        return "number"
    return left if left == right and left in ("text", "exact") else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _where(*conditions: str) -> str:
    given = [condition for condition in conditions if condition]
    return f" WHERE {' AND '.join(given)}" if given else ""
