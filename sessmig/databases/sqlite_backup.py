"""What backups need of SQLite: the online backup API, there and back, and who is in the way of it.

Knows the file and its locks; decides nothing and prints nothing.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from shlex import quote as quoted
from urllib.parse import quote

from sessmig.databases import sqlite_file
from sessmig.databases.saving import Beside
from sessmig.databases.sqlite_broken import BrokenFile, wait_for_openers
from sessmig.databases.sqlite_connection import connect
from sessmig.databases.sqlite_damage import code, damage, opened, tells_damage
from sessmig.databases.sqlite_remedies import error_name, remedy
from sessmig.databases.sqlite_uri import HEADER, uri
from sessmig.errors import BackupError, LockError
from sessmig.host import host
from sessmig.model import Holder

_PAGES = 4096
"""How many pages are copied between two looks for Ctrl-C; the picture stays the same, as the source is held."""
_PAUSE = 0.05
_PATIENCE_MS = 100


class Saving:
    """Serves the backups of one database.

    Args:
        path: its file; empty if it has none.
        label: the database for people.
        let_go: closes the connection that serves the database itself, which would be in the way.
        open_again: opens it again.
    """

    to_confirm = ""
    others_stay = "they go on with another state under their feet, and may write into it what they know of the old one"

    def __init__(self, path: str, label: str, let_go: Callable[[], None], open_again: Callable[[], None]) -> None:
        # By whatever link it is reached, its backups stand in one place.
        self._path = os.path.realpath(path) if path else ""
        self._label = label
        self._let_go = let_go
        self._open_again = open_again
        self.folder, self.name = os.path.split(self._path)
        self._held: sqlite3.Connection | None = None
        self._broken: BrokenFile | None = None
        self._is_open = False

    @property
    def is_usual(self) -> bool:
        return os.access(self._path, os.W_OK)  # what cannot be changed is told by whoever tries

    def origin(self) -> str:
        # Another machine has another file under this path.
        return f"sqlite://{host()}/{self._path.lstrip('/')}"

    def is_of(self, origin: str, path: str) -> bool:
        """Beside the database itself there is no other of its name, whatever the machine is called by now."""
        host, _, file = origin.removeprefix("sqlite://").partition("/")
        here = origin.startswith("sqlite://") and os.path.realpath(os.path.dirname(path)) == self.folder
        return origin == self.origin() or (here and bool(host) and file == self._path.lstrip("/"))

    def size(self) -> int:
        """Return the size of its pages, those that are still in the WAL too."""
        try:
            with closing(self._open()) as connection:
                pages, page = (connection.execute(f"PRAGMA {n}").fetchone()[0] for n in ("page_count", "page_size"))
        except sqlite3.Error:  # locked, or broken; that is said where it is copied
            return os.stat(self._path).st_size
        return int(pages) * int(page)

    def position(self) -> str:
        return ""

    def prepare(self, *, restores: bool = False) -> None:
        """Nothing is needed but Python."""

    def _open(self, *, create: bool = False) -> sqlite3.Connection:
        connection = connect(uri(self._path, create=create), self._label)
        connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}").close()
        return connection

    def dump(self, path: str, *, wait: float) -> None:
        with self._in_words(f"the backup could not be written to {path}"), closing(self._open()) as source:
            self._insist(source, "BEGIN", wait)
            # Only the first read takes the lock; from here on every page is of one picture.
            self._insist(source, "SELECT 1 FROM sqlite_master", wait)
            self._copy_into(path, source, wait)
        if found := damage(path):
            raise BackupError(
                f"{self._label}: the database itself is damaged: {found}",
                remedy="PRAGMA integrity_check shows all of it. Mend it, or restore an older backup.",
            )

    def _copy_into(self, path: str, source: sqlite3.Connection, wait: float) -> None:
        # Nobody else has the file: no lock is needed, which a network folder might not give, and no journal.
        uri = f"file:{quote(os.fsencode(path))}?mode=rw&nolock=1"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as target:
            for setting in ("journal_mode = OFF", "synchronous = OFF"):
                target.execute(f"PRAGMA {setting}").close()
            source.backup(target, pages=_PAGES, progress=_Deadline(self._label, wait), sleep=_PAUSE)

    def _insist(
        self, connection: sqlite3.Connection, sql: str, wait: float, on_wait: Callable[[Holder], None] | None = None
    ) -> None:
        """Send a statement until it has its lock."""
        deadline = time.monotonic() + wait
        while True:
            try:
                connection.execute(sql).close()
            except sqlite3.Error as error:
                if code(error) != sqlite3.SQLITE_BUSY:
                    raise
                holders = (sqlite_file.holder(self._path, kind, but=os.getpid()) for kind in ("WRITE", "READ"))
                holder = next((one for one in holders if one.pid), Holder())
                if time.monotonic() >= deadline:
                    raise LockError.not_had(self._label, wait, holder) from None
                if on_wait:
                    on_wait(holder)
                time.sleep(_PAUSE)
            else:
                return

    @contextmanager
    def _in_words(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if code(error) == sqlite3.SQLITE_INTERRUPT:
                raise KeyboardInterrupt from None
            raise BackupError(f"{self._label}: {what}: {error}", remedy=remedy(error_name(error))) from None

    def inspect(self, path: str, *, sealed: bool) -> None:
        if not _head(path).startswith(HEADER):
            raise BackupError(f"{path}: not a SQLite database", remedy="Give a backup of this database.")
        for beside in (f"{path}-wal", f"{path}-journal"):
            if not sealed and os.path.exists(beside) and os.stat(beside).st_size:
                raise BackupError(
                    f"{path}: somebody had it open: {beside} stands beside it, with rows that the file may not have",
                    remedy=f"Make a backup of it, which has them, and restore that: sessmig backup -d {quoted(path)}",
                )
        if found := damage(path):
            raise BackupError(f"{path}: the backup is damaged: {found}", remedy="Give another one.")

    @contextmanager
    def held(self, lock: str, *, wait: float, on_wait: Callable[[Holder], None], force: bool) -> Iterator[None]:
        self._let_go()
        is_new = not os.path.exists(self._path)
        if not is_new and not os.access(self._path, os.W_OK):  # SQLite would find out only when it is too late
            raise BackupError(f"{self._label}: the file may not be written", remedy="Mend its rights.")
        self._is_open = False
        self._held = self._open(create=True)
        try:
            with self._in_words("it cannot be written"):
                self._lock(self._held, wait, on_wait, force)
            yield
        finally:
            self._release()
            if is_new and os.path.exists(self._path) and not os.stat(self._path).st_size:
                os.unlink(self._path)
            elif not self._is_open:
                self._open_again()

    def _lock(self, held: sqlite3.Connection, wait: float, on_wait: Callable[[Holder], None], force: bool) -> None:
        deadline = time.monotonic() + wait
        try:
            if not force:
                # So the file's lock is kept behind the transaction, within which nothing can be copied into it; and
                # with a WAL whoever has the file open is in its way, though he stands in no transaction.
                held.execute("PRAGMA locking_mode = EXCLUSIVE").close()
            self._insist(held, "BEGIN EXCLUSIVE", wait, on_wait)
            held.execute("COMMIT").close()
        except sqlite3.Error as error:
            if not tells_damage(error):
                raise
            self._break(wait, on_wait)
        else:
            if not force:
                wait_for_openers(self._path, self._label, wait, deadline, on_wait)

    def _break(self, wait: float, on_wait: Callable[[Holder], None] | None = None) -> None:
        """Take the file as one that SQLite cannot work with, and does not even try to lock."""
        self._release()
        self._broken = BrokenFile(self._path, self._label)
        self._broken.hold(wait, on_wait)

    def _release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
        if self._broken is not None:
            self._broken.close()
            self._broken = None

    def beside(self, path: str, *, count: bool = True) -> tuple[Beside, ...]:
        return ()

    def save_state(self, path: str) -> bool:
        held = self._held
        if held is not None:
            if not held.execute("PRAGMA page_count").fetchone()[0]:
                return False
            try:
                self._copy_into(path, held, 0)
            except sqlite3.Error as error:
                if not tells_damage(error):
                    raise BackupError(
                        f"{self._label}: its state could not be kept in {path}: {error}",
                        remedy=remedy(error_name(error)),
                    ) from None
                self._break(0)
        if self._broken is not None:
            self._broken.save(path)
        return True

    def replace_state(self, path: str, gone: Collection[Beside] = (), then: str = "") -> None:
        if self._broken is not None:
            try:
                self._broken.replace(path)
            except OSError as error:
                raise BackupError(
                    f"{self._label}: it could not be restored: {error.strerror or error}",
                    remedy="Mend that, and restore again.",
                ) from None
            self._release()
        else:
            self._take_in(path)
        self._open_again()
        self._is_open = True

    def _take_in(self, path: str) -> None:
        """Write the state into the standing file."""
        assert self._held is not None  # noqa: S101
        with self._in_words("it could not be restored"), closing(opened(path)) as source:
            had_wal = _take_in(source, self._held, _Deadline(self._label, 0))
        self._release()
        if had_wal and _head(path)[18:20] != b"\2\2":
            # Not by the connection that was open: the restored database may have another encoding. Where others have
            # it open, the WAL serves as well.
            with suppress(sqlite3.Error), closing(self._open()) as again:
                again.execute("PRAGMA journal_mode = DELETE").close()


class _Deadline:
    """Called between two stretches of a copy: then Ctrl-C is seen; and it gives up when it has waited too long."""

    def __init__(self, label: str, wait: float) -> None:
        self._label = label
        self._wait = wait
        self._until = time.monotonic() + wait

    def __call__(self, status: int, _remaining: int, _total: int) -> None:
        if status not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            self._until = time.monotonic() + self._wait
        elif time.monotonic() >= self._until:
            raise LockError.not_had(self._label, self._wait, Holder())


def _take_in(source: sqlite3.Connection, target: sqlite3.Connection, deadline: _Deadline) -> bool:
    """Copy a database into a standing one, as one transaction of that one; tell whether it has a WAL now."""
    (into,) = target.execute("PRAGMA journal_mode").fetchone()
    sizes = {db.execute("PRAGMA page_size").fetchone()[0] for db in (source, target)}
    if into == "wal" and len(sizes) > 1:  # a WAL holds pages of one size
        (into,) = target.execute("PRAGMA journal_mode = DELETE").fetchone()
    source.backup(target, pages=_PAGES, progress=deadline, sleep=_PAUSE)
    return bool(into == "wal")


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(20)
