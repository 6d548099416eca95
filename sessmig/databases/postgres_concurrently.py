"""Runs PostgreSQL's statements that cannot run in a transaction; builds and drops indexes beside running writers.

Knows what a broken-off CONCURRENTLY leaves, and takes it away; knows nothing of files, ledgers and plans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sessmig.databases import postgres_index as catalogue
from sessmig.databases.postgres_building import Watcher
from sessmig.databases.postgres_index import Index
from sessmig.databases.postgres_rows import rows
from sessmig.databases.postgres_settings import Settings
from sessmig.databases.wire import Wire
from sessmig.errors import DatabaseError
from sessmig.index_act import IndexAct
from sessmig.model import Piece

_PATIENCE = ("lock_timeout", "statement_timeout", "transaction_timeout", "idle_session_timeout")
_LAST_MOMENT = "5s"
"""How long somebody who has pressed Ctrl-C waits for what is cleaned up."""
_LOOK_AGAIN = "SELECT pg_catalog.pg_sleep(0.2)"


class Alone:
    """One connection outside transactions.

    Args:
        wire: the connection, behind no pooler.
        settings: its settings.
        watcher: tells how far a statement is.
        notice: keeps what is to be said in the report.
    """

    def __init__(self, wire: Wire, settings: Settings, watcher: Watcher, notice: Callable[[str], None]) -> None:
        self._wire = wire
        self._settings = settings
        self._watcher = watcher
        self._notice = notice

    def run(self, piece: Piece, act: IndexAct | None, *, resumed: bool) -> int | None:
        """Carry out `run_alone` of the contract."""
        try:
            with self._own_settings(patient=act is not None):
                if act is None:
                    return self._send(piece, "the statement")
                if act.verb == "create":
                    self._create(piece, act)
                elif act.verb == "drop":
                    self._drop_as_asked(piece, act, resumed=resumed)
                else:
                    self._reindex(piece, act)
                return None
        finally:
            self._watcher.end()

    def _create(self, piece: Piece, act: IndexAct) -> None:
        found = self._unattended(act)
        if found and self._is_done(found, act):
            self._notice(f"NOTICE: the index {found.sql} is there already, valid and as asked: not built again")
            return
        if found:
            self._watcher.say(f"the index {found.sql} is not valid: it is dropped and built anew")
            self._drop(found)
        with self._clean_after(lambda: self._broken(act)):
            self._send(piece, f"building the index {act.name} on {act.table}")
            built = catalogue.made(self._wire, act)
            if built is None:
                raise DatabaseError(
                    f"no index {act.name} on {act.table} was made: a table, view or sequence there bears that name"
                )
            if not (built and built.is_valid and built.table == catalogue.table_of(self._wire, act.table)):
                raise DatabaseError(f"the index {act.name} on {act.table} was built, and is not there as a valid one")

    def _unattended(self, act: IndexAct) -> Index | None:
        """Find the index of the statement's name; while somebody else works on one that is not valid, wait for that."""
        said = None
        while (found := catalogue.made(self._wire, act)) and found.builder and not found.is_valid:
            if found.builder != said:
                said = found.builder
                self._watcher.say(f"the index {found.sql}: waiting for pid {said}, which is at work on it")
            self._wire.command(_LOOK_AGAIN)
        return found

    def _is_done(self, found: Index, act: IndexAct) -> bool:
        """Tell whether the index that stands is what the statement asks for, not only one of its name.

        Raises:
            DatabaseError: it is another one; IF NOT EXISTS would have passed it over in silence.
        """
        if found.table != catalogue.table_of(self._wire, act.table):
            raise _untouched(
                f"there is an index {found.sql} already: it is on {found.table_sql}, and this one is for {act.table}",
                found,
            )
        if not found.is_valid:
            return False
        try:
            as_asked = catalogue.is_as_asked(self._wire, found, act)
        except DatabaseError as error:
            raise _untouched(
                f"there is an index {found.sql} already, and whether it is the one asked for cannot be told: "
                f"{error.what}",
                found,
            ) from None
        if not as_asked:
            stands = catalogue.definition(self._wire, found)
            asked = f"CREATE {'UNIQUE ' if act.is_unique else ''}INDEX {act.name} ON {act.table} {act.behind}"
            raise _untouched(
                f"there is an index {found.sql} already, and it is another one:\nit is   {stands}\nasked   {asked}",
                found,
            )
        return True

    def _broken(self, act: IndexAct) -> list[Index]:
        found = catalogue.made(self._wire, act)
        ours = found and not found.is_valid and not found.builder
        return [found] if found and ours and found.table == catalogue.table_of(self._wire, act.table) else []

    def _drop_as_asked(self, piece: Piece, act: IndexAct, *, resumed: bool) -> None:
        if resumed and catalogue.named(self._wire, act.name) is None:
            self._notice(f"NOTICE: the index {act.name} is gone already: it was dropped before the run was broken off")
            return
        try:
            self._send(piece, f"dropping the index {act.name}")
        except DatabaseError as error:
            left = catalogue.named(self._wire, act.name) if self._wire.is_open else None
            if left and not left.is_valid:
                error.holds = f"The index {left.sql} is still there, but no longer valid; the next run drops it."
            raise

    def _reindex(self, piece: Piece, act: IndexAct) -> None:
        for left in catalogue.leftovers(self._wire, act):
            self._watcher.say(f"the index {left.sql} is left from a REINDEX that was broken off: it is dropped")
            self._drop(left)
        with self._clean_after(lambda: catalogue.leftovers(self._wire, act)):
            self._send(piece, f"rebuilding {act.kind.lower()} {act.name}".rstrip())
            rebuilt = catalogue.named(self._wire, act.name) if act.kind == "INDEX" else None
            if rebuilt and not rebuilt.is_valid:
                raise DatabaseError(f"the index {rebuilt.sql} was rebuilt, and is still not valid")

    def _send(self, piece: Piece, what: str) -> int | None:
        self._watcher.begin(what)
        results = self._wire.exchange(piece.statement, offset=piece.offset + piece.body, meanwhile=self._watcher.look)
        count = None
        for result in results:
            count = rows(result)
        return count

    def _drop(self, index: Index) -> None:
        self._watcher.begin(f"dropping the index {index.sql}")
        for _ in self._wire.exchange(f"DROP INDEX CONCURRENTLY IF EXISTS {index.sql}", meanwhile=self._watcher.look):
            pass

    @contextmanager
    def _clean_after(self, broken: Callable[[], list[Index]]) -> Iterator[None]:
        """After a failure drop what is not valid; `holds` of the error says so, or what is left."""
        try:
            yield
        except DatabaseError as error:
            if not self._wire.is_open:
                error.holds = "The connection is lost: an index that is not valid may be left; the next run drops it."
                raise
            for index in broken():
                try:
                    self._drop(index)
                except DatabaseError as also:
                    error.holds = (
                        f"The index {index.sql} is left, and is not valid ({also.what}); the next run drops it."
                    )
                    break
                error.holds = f"No invalid index is left: what there was of {index.sql} was dropped."
            raise
        except KeyboardInterrupt:
            with suppress(DatabaseError):
                if self._wire.is_open:
                    self._clean_quickly(broken)
            raise

    def _clean_quickly(self, broken: Callable[[], list[Index]]) -> None:
        # Whoever is in the way may be so for hours; what is not valid is dropped by the next run as well.
        self._wire.command(f"SET statement_timeout = '{_LAST_MOMENT}'")
        for index in broken():
            try:
                self._drop(index)
            except DatabaseError:
                self._watcher.say(f"the index {index.sql} is left, and is not valid; the next run drops it")
                raise

    @contextmanager
    def _own_settings(self, *, patient: bool) -> Iterator[None]:
        """Have the server read quotes as the lexer did; and for an index wait as long as it takes."""
        before = self._settings.look()
        self._settings.keep_reading()
        known = {name for name, _, _ in before.settings}
        if patient:
            self._wire.command(";".join(f"SET {name} = 0" for name in _PATIENCE if name in known))
        try:
            yield
        finally:
            if self._wire.is_open:
                self._settings.give_back(before, self._settings.look())


def _untouched(what: str, index: Index) -> DatabaseError:
    error = DatabaseError(what)
    error.holds = f"The index {index.sql} stands as it was."
    error.remedy = "Give the new index another name, or drop the one that is there."
    return error
