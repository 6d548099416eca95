"""What is seen of a PostgreSQL database around a step, asked for in as few round trips as there can be.

Two looks, one before the statements and one behind them, answer what the guard, the free checks and the settings ask
for, as long as nothing has been sent since that could change the answer; else each is asked for by itself. Knows when a
look holds; decides nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sessmig.databases import postgres_look as look
from sessmig.databases import postgres_tables
from sessmig.databases.postgres_deferred import SETTLE, settle
from sessmig.databases.postgres_faults import faults
from sessmig.databases.postgres_listing import Listing
from sessmig.databases.postgres_look import Look
from sessmig.databases.postgres_settings import Settings
from sessmig.databases.postgres_watch import Watch
from sessmig.databases.wire import Wire
from sessmig.errors import DatabaseError
from sessmig.model import Mark
from sessmig.rows import Change, Fault, Table


class Sight:
    """What one session sees.

    Args:
        wire: the connection.
        settings: its settings.
    """

    def __init__(self, wire: Wire, settings: Settings) -> None:
        self._wire = wire
        self._settings = settings
        self._watch = Watch(wire)
        self._listing = Listing(wire, self._watch)
        self._look: Look | None = None
        """What nothing has been sent since that could change it."""
        self._is_first = False
        """Whether the next list of tables is that before a step."""
        self._lock = ""
        self._kept = ""
        """The hash of the settings behind the last step, where that has left them as they were."""
        self._mark: tuple[Mark, Look] | None = None
        wire.on_change = self.sent
        self._sound = 0
        """The number of the last transaction, if no index and no constraint was other than valid behind it."""
        self._is_sound = False

    def named_without(self, schema: str) -> None:
        """Know the schema whose tables are named without it."""
        self._listing.schema = schema

    def begin(self, lock: str) -> None:
        """Know that a transaction has begun with the lock of this ledger."""
        self._listing.is_own, self._is_first, self._lock = True, True, lock
        self._mark, self._is_sound = None, False

    def commit(self) -> None:
        """Know that the transaction stands."""
        self._listing.is_own = False

    def end(self) -> None:
        """Know that the transaction is over."""
        if self._listing.is_own:  # it was rolled back; what it counted the server may still have
            self.forget()
        self._listing.end()
        self.blur()
        self._is_first = self._watch.is_watching = False

    def forget(self) -> None:
        """Ask for everything anew: statements have run that nobody watched, or what they did was undone."""
        self._listing.forget()
        self._watch.counted, self._sound, self._kept = None, 0, ""
        self.blur()

    def blur(self) -> None:
        """Know that something is sent which may change what was seen."""
        self._look = None

    def sent(self) -> None:
        """Know that statements are sent."""
        if self._watch.is_watching:
            self.blur()
        else:
            self.forget()

    def tables(self) -> tuple[Table, ...]:
        if self._is_first and self._listing.is_own:
            quiet = self._sound + 1 if self._sound else 0
            self._look = look.before(
                self._wire, quiet, self._watch.counted, self._lock, settings=self._kept if self._wire.is_ours else ""
            )
            self._kept = ""
            self._is_sound = not (self._look.indexes or self._look.constraints)
            self._is_first = False
            return self._listing.tables(self._look)
        return self._listing.tables(self._behind)

    @property
    def _behind(self) -> Look | None:
        return self._look if self._look and self._look.is_behind else None

    def changes(self) -> Mapping[int, Change]:
        return self._listing.changes(self._behind)

    def held(self, tables: Collection[Table]) -> frozenset[int]:
        if self._look is None or self._look.is_behind:
            return postgres_tables.held(self._wire, {table.identity for table in tables})
        held = self._look.held
        return frozenset(table.identity for table in tables if table.identity in held) if held else held

    def watch(self) -> None:
        self._watch.begin(None if self._behind else self._look)

    def unwatch(self) -> None:
        self._watch.end()
        self._is_first = True

    def faults(self, touched: Collection[Table]) -> tuple[Fault, ...]:
        seen = self._look
        if seen is None:
            return tuple(faults(self._wire, touched))
        asked = [table for table in touched if table.identity not in seen.plain]
        if not seen.is_behind:
            return tuple(faults(self._wire, asked, indexes=seen.indexes or (), constraints=seen.constraints or ()))
        return tuple(faults(self._wire, asked, indexes=seen.indexes, constraints=seen.constraints))

    def mark(self) -> Mark:
        """Remember settings and temporary objects; what is seen from here on is another step's."""
        seen, self._look = self._look, None
        if seen is None or self._watch.is_counting:  # since the look it is switched on
            self._mark = None
            self._wire.later("SELECT pg_catalog.pg_current_xact_id()")
            self._settings.note_temporary()
            return self._settings.look()
        self._settings.note_temporary(seen.temporary)
        mark = self._settings.known(str(seen.state.transaction), seen.settings, seen.role, seen.authorization)
        self._mark = mark, seen
        return mark

    def settle(self, *, shared: bool) -> None:
        """Do what is deferred, and look behind the statements."""
        self._settings.keep_reading()
        if shared or not (self._mark and self._listing.is_own):
            settle(self._wire, shared=shared)
        else:
            self._wire.later(SETTLE)
        if not (self._mark and self._listing.is_own):
            return
        self._look = look.behind(self._wire, shared=shared)
        self._note_sound(self._look)

    def _note_sound(self, seen: Look) -> None:
        is_sound = self._is_sound and seen.indexes == [] and seen.constraints == []
        self._sound = seen.state.transaction if is_sound else 0
        if not seen.state.is_lone:
            # Of a part that was rolled back the locks are gone, and the counters may still say something.
            self._watch.counted = None

    def undo_settings(self, mark: Mark) -> None:
        """Give back what has changed since the mark, and drop the temporary objects that have come.

        Raises:
            DatabaseError: the transaction of the mark is over: something committed behind our back.
        """
        # The transaction first: a file that ended it has left nothing to give back.
        if not self._wire.in_transaction:
            raise DatabaseError("the transaction was ended by the file itself", escaped=True)
        self._settings.keep_reading()
        seen = self._look
        if seen and self._is_as_at(mark, seen):
            self._kept = seen.settings
            self._settings.give_back_rest()
            if self._settings.drop_temporary(seen.temporary):
                self.blur()
            return
        self.blur()
        now = self._settings.look()
        if now.transaction != mark.transaction:
            raise DatabaseError("the transaction was ended by the file itself, and another one begun", escaped=True)
        self._settings.give_back(mark, now)
        self._settings.drop_temporary()

    def _is_as_at(self, mark: Mark, seen: Look) -> bool:
        """Tell whether transaction and settings are those of the mark."""
        if not self._mark or self._mark[0] is not mark or str(seen.state.transaction) != mark.transaction:
            return False
        return _session(seen) == _session(self._mark[1])


def _session(seen: Look) -> tuple[str, str, str]:
    return seen.settings, seen.role, seen.authorization
