"""Says which rows, tables and columns a step took away that nobody has declared.

A pure function of what the guard has seen and of what the file declares; asks no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sessmig.declared import Declared
from sessmig.effects import line_of, reasons
from sessmig.evidence import Evidence, gone_between
from sessmig.looks import KEYS
from sessmig.rows import Column, Loss, Moved, Table
from sessmig.stands import Copy, Drop, Keys, Link
from sessmig.unset import unset_losses


def losses(seen: Evidence, declared: Declared, covered: Mapping[int, Moved]) -> tuple[Loss, ...]:
    """Return what was lost and is not declared, in the order of the lines.

    Args:
        seen: what the guard has seen.
        declared: what the file says may be lost.
        covered: what merges account for, of each table that is a source.
    """
    judge = _Judge(seen, declared, covered)
    found: list[Loss] = []
    for top, members in seen.trees().items():
        told = list(judge.of_tree(top, members))
        found += told
        found += judge.unexplained(top, members, told)
    found += unset_losses(seen, declared)
    return tuple(sorted(found, key=lambda loss: (loss.line or 1 << 30, loss.table, loss.column)))


class _Judge:
    def __init__(self, seen: Evidence, declared: Declared, covered: Mapping[int, Moved]) -> None:
        self._seen = seen
        self._declared = declared
        self._covered = covered

    def of_tree(self, top: int, members: list[int]) -> Iterator[Loss]:
        """Judge a table, or a partitioned one with its parts, by the name of the whole."""
        seen = self._seen
        guarded = [member for member in members if member in seen.before and not self._is_declared(member)]
        if self._is_declared(top):
            guarded = [member for member in guarded if not self._is_declared(seen.was_part_of(member))]
            if not guarded:
                return
        standing = [member for member in guarded if member in seen.after]
        for member in guarded:
            if member in seen.after:
                yield from self._columns(member, skip=seen.was_part_of(member))
            elif member == top or top in seen.after:
                yield from self._dropped(member)
            else:
                yield from self._part(member, top)
        yield from self._emptied(top, standing if top in seen.after or not seen.links(top) else guarded)
        rows = seen.deleted(members, standing) if standing else 0
        rows = self._unaccounted(top, members, rows)
        if rows > 0:
            own = [key for member in standing for key in seen.change(member).keys]
            yield self._rows(top, rows, members, tuple(own[:KEYS]))

    def unexplained(self, top: int, members: list[int], told: list[Loss]) -> Iterator[Loss]:
        """Compare the rows before and after where nobody else writes: a net for what went unseen."""
        seen = self._seen
        if any(not loss.column for loss in told) or any(map(self._is_declared, members)):
            return
        before, after = seen.balance(members)
        if before is None or after is None:
            return
        gone = self._unaccounted(top, members, before - after)
        if gone > 0:
            known = all(seen.before[member].is_counted for member in members if member in seen.before)
            by = ("cause unknown",) if known else tuple(reasons(seen, members, gone))
            yield Loss("rows deleted", seen.name(top), gone, "", by, line=0 if known else line_of(seen, members))

    def _unaccounted(self, top: int, members: list[int], deleted: int) -> int:
        """Return how many deleted rows no merge has in its target: its source is the whole, or some of the parts."""
        if whole := self._covered.get(top):
            return deleted - whole.covers(deleted)
        seen, parts = self._seen, [member for member in members if member in self._covered]
        inner = {below for part in parts for below in seen.under(part) if below != part}
        outer = [part for part in parts if part not in inner]
        return deleted - sum(self._covered[part].covers(seen.deleted(members, seen.under(part))) for part in outer)

    def _is_declared(self, identity: int) -> bool:
        """Both the name before a rename and the one after it count."""
        drop = self._seen.drops.get(identity)
        tables = (self._seen.before.get(identity), self._seen.after.get(identity), drop and drop.table)
        return any(self._declared.names(table) for table in tables if table)

    def _rows(self, identity: int, rows: int, members: list[int], keys: Keys) -> Loss:
        seen = self._seen
        shown = (seen.after.get(identity) or seen.before[identity]).key if keys else ()
        by = tuple(reasons(seen, members, rows))
        return Loss("rows deleted", seen.name(identity), rows, "", by, shown, keys, line_of(seen, members))

    def _dropped(self, identity: int) -> Iterator[Loss]:
        seen, table = self._seen, self._seen.before[identity]
        drop, links = seen.drops.get(identity), seen.links(identity)
        if drop and links:
            if drop.deleted:
                yield self._rows(identity, drop.deleted, [*drop.stands], ())
            for link in links:
                yield from self._made_anew(table, *link)
            yield from self._columns_on_the_way(table, links)
            return
        if drop and self._declared.drops_empty_tables and seen.was_empty(drop):
            return
        line, by = (drop.line, ()) if drop else self._hidden("DROP", "DO", "CALL", "SELECT")
        rows = drop.rows if drop else seen.rows_before.get(identity)
        keys = drop.keys if drop else ()
        yield Loss("table dropped", table.name, rows, "", by, drop.table.key if drop and keys else (), keys, line)

    def _part(self, member: int, top: int) -> Iterator[Loss]:
        """Judge a part of a table that is gone as well: its rows may have gone before the others were copied."""
        seen = self._seen
        drop, whole, successor = seen.drops.get(member), seen.drops.get(top), seen.successor(top) or 0
        if drop is None:
            if whole and member not in whole.stands:
                yield from self._dropped(member)
        elif (copied := drop.copies.get(successor)) is None or seen.links(member):
            yield from self._dropped(member)
        else:
            if drop.deleted:
                yield self._rows(member, drop.deleted, [member], ())
            if copied.missing or copied.missing is None:
                yield self._missing(seen.before[member], drop, copied)
            later = whole.copies.get(successor) if whole else None
            if later and (gone := gone_between(copied, later.deleted, later.rows, later.members)):
                yield self._rows(member, gone, [successor], ())

    def _missing(self, table: Table, drop: Drop, copied: Copy) -> Loss:
        by = (f"table made anew, DROP TABLE in line {drop.line}",)
        columns = drop.table.key if copied.keys else ()
        return Loss("rows deleted", table.name, copied.missing, "", by, columns, copied.keys, drop.line)

    def _made_anew(self, table: Table, drop: Drop, copied: Copy, other: int) -> Iterator[Loss]:
        """Judge what of a dropped table is not in the one that was made in its place, or went from there later."""
        seen = self._seen
        if copied.missing or copied.missing is None:
            yield self._missing(table, drop, copied)
        parts = (seen.truncated.get(member) for member, _ in copied.members)
        if truncated := next((part for part in parts if part and part.rows != 0), None):
            yield Loss("table truncated", table.name, truncated.rows, line=truncated.line)
        elif gone := seen.gone_later(copied, other):
            members = seen.under(other) or [other]
            then = tuple(reasons(seen, members, gone))
            yield Loss("rows deleted", table.name, gone, "", then, line=line_of(seen, members))
        for column, number in copied.lacking:
            if not self._declared.names_column(table, column.name):
                yield Loss("column dropped", table.name, number, column.name, line=drop.line)
        for column, number in copied.emptied:
            if not self._declared.names_column(table, column.name):
                by = (f"table made anew, DROP TABLE in line {drop.line}",)
                yield Loss("values lost", table.name, number, column.name, by, line=drop.line)

    def _columns_on_the_way(self, table: Table, links: list[Link]) -> Iterator[Loss]:
        """Name the columns that went before a table was made anew, or after that."""
        seen = self._seen
        stages = [(table.identity, table.columns, links[0][0].table.columns)]
        for _, copied, other in links:
            later = seen.after[other] if other in seen.after else seen.drops[other].table
            stages.append((other, copied.columns, later.columns))
        for identity, before, after in stages:
            kept = {column.identity for column in after}
            for column in before:
                if column.identity not in kept and not self._declared.names_column(table, column.name):
                    yield self._column(identity, column, table.name)

    def _columns(self, identity: int, *, skip: int) -> Iterator[Loss]:
        """Name the columns that are gone; those of a partition go with the whole's."""
        seen = self._seen
        for column in _gone(seen, identity):
            whole = _gone(seen, skip) if skip != identity and skip in seen.before and skip in seen.after else []
            if column.name in [other.name for other in whole]:
                continue
            _, _, later = seen.columns.get((identity, column.identity), (0, None, ""))
            if any(
                self._declared.names_column(table, name)
                for table in (seen.before[identity], seen.after[identity])
                for name in filter(None, (column.name, later))
            ):
                continue
            yield self._column(identity, column, seen.name(identity))

    def _column(self, identity: int, column: Column, name: str) -> Loss:
        line, number, _ = self._seen.columns.get((identity, column.identity), (0, None, ""))
        by: tuple[str, ...] = ()
        if not line:
            line, by = self._hidden("DROP", "DO", "CALL", "SELECT")
        return Loss("column dropped", name, number, column.name, by, line=line)

    def _emptied(self, top: int, standing: list[int]) -> Iterator[Loss]:
        seen = self._seen
        found = {member: taken for member in standing if (taken := seen.emptied(member))}
        if top in seen.truncated and any(member != top for member in found):
            truncated = seen.truncated[top]
            found = {top: (truncated.line, truncated.rows)}
        for member, (line, rows) in found.items():
            by: tuple[str, ...] = ()
            if not line:
                line, by = self._hidden("TRUNCATE", "DO", "CALL", "SELECT")
            yield Loss("table truncated", seen.name(member), rows, "", by, line=line)

    def _hidden(self, *verbs: str) -> tuple[int, tuple[str, ...]]:
        """Name the one statement that can have done what none of them says."""
        found = [(verb, line) for verb, line in self._seen.cascading if verb.partition(" ")[0] in verbs]
        if len(found) != 1:
            return 0, ()
        ((verb, line),) = found
        return line, (f"{verb} in line {line}",)


def _gone(seen: Evidence, identity: int) -> list[Column]:
    standing = {column.identity for column in seen.after[identity].columns}
    return [column for column in seen.before[identity].columns if column.identity not in standing]
