"""What a PostgreSQL session keeps beyond a transaction: settings and temporary objects.

Knows what they were before a file ran, and gives them back; decides nothing and prints nothing.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

from sessmig.databases.wire import Wire
from sessmig.errors import DatabaseError
from sessmig.model import Cell, Mark
from sessmig.quoting import quoted

# These two sessmig sets itself, for the transaction only.
_LASTING = """context IN ('user', 'superuser') AND name NOT LIKE 'transaction\\_%'
      AND name NOT IN ('client_connection_check_interval', 'lock_timeout')"""
# By the hash it is plain that nothing has changed, without three hundred names and values being sent and read.
DIGEST = f"""(
    SELECT pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.string_agg(
        name || coalesce('=' || setting, '') || CASE source WHEN 'session' THEN '!' ELSE '' END, E'\\n'), 'UTF8'))::text
    FROM pg_catalog.pg_show_all_settings()
    WHERE {_LASTING}
)"""
_SETTINGS = f"""
SELECT pg_catalog.pg_current_xact_id_if_assigned()::text, (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(name, setting, source = 'session'))
    FROM pg_catalog.pg_settings
    WHERE {_LASTING}
)::text, pg_catalog.current_setting('role'), session_user::text, {DIGEST}"""
_PATIENCE = "SELECT setting::bigint, source = 'session' FROM pg_settings WHERE name = 'lock_timeout'"
# What stands in the session's temporary schema, but for what belongs to something else there.
TEMPORARY = """
SELECT pg_catalog.replace(i.type, 'composite type', 'type'), i.identity
FROM pg_catalog.pg_depend AS d, pg_catalog.pg_identify_object(d.classid, d.objid, 0) AS i
WHERE d.refclassid = 'pg_catalog.pg_namespace'::regclass AND d.refobjid = pg_catalog.pg_my_temp_schema()
  AND d.deptype = 'n'"""
_QUOTES = "standard_conforming_strings"
_RIGHTS_FIRST = {"session_authorization": 0, "role": 1}
# Settings with a dot (`app.user`) are an application's own; the server lists them nowhere.
_OWN_NAME = r"([a-z_][\w$]*(?:\.[a-z_][\w$]*)+)"
_OWN = re.compile(
    rf"""\bset\s+(?:session\s+|local\s+)?{_OWN_NAME}\s*(?:=|to\b)|\bset_config\s*\(\s*'{_OWN_NAME}'""", re.IGNORECASE
)


class Settings:
    """The settings of one session, and its temporary objects."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._own: dict[str, Cell] = {}
        self._temporary: frozenset[tuple[Cell, ...]] = frozenset()
        self._listed: tuple[str, tuple[tuple[str, str, bool], ...]] = "", ()
        """The hash of the settings that were listed last, and these."""
        self._patience_ms = 0
        self._own_patience = "RESET lock_timeout"
        self._limit = ""
        self.before_commit = ""
        """What has to be sent with the COMMIT, so that the session reads quotes as it did."""

    def begin(self, quotes: str) -> None:
        """Have quotes read as the standard has them, as the lexer reads them, until the transaction ends.

        Args:
            quotes: what the session says of it.
        """
        self.before_commit = ""
        if quotes == "on":
            return
        own = self._wire.query(f"SELECT source = 'session' FROM pg_settings WHERE name = '{_QUOTES}'").rows[0][0]
        # A SET in the file, as every dump has one, would outlive the transaction.
        self.before_commit = f"SET {_QUOTES} = off; " if own else f"RESET {_QUOTES}; "
        self._wire.command(f"SET LOCAL {_QUOTES} = on")

    def note_patience(self) -> None:
        """Remember how long the session's statements wait for locks; asked once, as it is given back each time."""
        ((milliseconds, own),) = self._wire.query(_PATIENCE).rows
        self._patience_ms = int(str(milliseconds))
        if own:
            self._own_patience = f"SET lock_timeout = {self._patience_ms}"

    def limit_waiting(self, seconds: float | None) -> str:
        """Return the command that has statements wait so long for locks, until the transaction ends.

        Args:
            seconds: what the session says is kept where it is shorter; None keeps it anyway.
        """
        self._limit = ""
        if seconds is not None and not 0 < self._patience_ms <= seconds * 1000:
            self._limit = f"SET LOCAL lock_timeout = {round(seconds * 1000)}"
        # A SET in the file would outlive the transaction.
        self.before_commit += f"{self._own_patience}; "
        return self._limit

    def keep_reading(self) -> None:
        """Have the server go on reading what it is sent as the lexer does, whatever a statement has set."""
        for name, value in (("client_encoding", "UTF8"), (_QUOTES, "on")):
            if self._wire.reported(name) != value:
                self._wire.command(f"SET {name} = '{value}'")

    def note_temporary(self, found: frozenset[tuple[Cell, ...]] | None = None) -> None:
        """Remember which temporary objects there are; they are asked for where they are not known."""
        self._temporary = frozenset(self._wire.query(TEMPORARY).rows) if found is None else found

    def drop_temporary(self, found: frozenset[tuple[Cell, ...]] | None = None) -> bool:
        """Drop the temporary objects that have come since; their names would hide others from the checks.

        Returns:
            whether there were any.
        """
        new = (frozenset(self._wire.query(TEMPORARY).rows) if found is None else found) - self._temporary
        if new and not self._temporary:
            self._wire.command("DISCARD TEMP")
            return True
        for kind, name in sorted(new, key=str):
            self._wire.command(f"DROP {kind!s} IF EXISTS {name!s} CASCADE")
        return bool(new)

    def note_own_names(self, text: str) -> None:
        """Remember the settings of an application's own that a file speaks of, as they are before it runs."""
        names = {(one or other).lower() for one, other in _OWN.findall(text)}
        self._own = {name: self._value(name) for name in sorted(names)}

    def look(self) -> Mark:
        """Return all that the server lists, and the open transaction."""
        ((transaction, listed, role, authorization, digest),) = self._wire.query(_SETTINGS).rows
        self._listed = str(digest), _settings(str(listed))
        return self._mark(str(transaction), str(role), str(authorization))

    def known(self, transaction: str, digest: str, role: str, authorization: str) -> Mark:
        """Return the same by a hash of it; asked for only where it is not what it was."""
        return self._mark(transaction, role, authorization) if digest == self._listed[0] else self.look()

    def _mark(self, transaction: str, role: str, authorization: str) -> Mark:
        rights = (("role", role, True), ("session_authorization", authorization, True))
        return Mark(transaction, (*self._listed[1], *rights))

    def give_back(self, mark: Mark, now: Mark) -> None:
        """Set what has changed since the mark to what it was.

        Raises:
            DatabaseError: what is changed has blinded the loss guard.
        """
        changed = set(mark.settings) - set(now.settings)
        if ("track_counts", "off") in {(name, value) for name, value, _ in set(now.settings) - set(mark.settings)}:
            raise DatabaseError("the file switched track_counts off, which the loss guard counts with")
        for name, value, own in sorted(changed, key=lambda setting: _RIGHTS_FIRST.get(setting[0], 2)):
            if own:
                self._set(name, value)
            else:
                self._wire.command(f"RESET {quoted(name)}")
        self.give_back_rest()

    def give_back_rest(self) -> None:
        """Give back what the server does not list among the others."""
        # A SET LOCAL outside of a transaction does nothing but warn.
        self._wire.later((self._limit if self._wire.in_transaction else "") or self._own_patience)
        for name, before in self._own.items():
            # What was not there before cannot be taken away again, only emptied.
            if self._value(name) not in (before, None):
                self._set(name, before or "")

    def _value(self, name: str) -> Cell:
        return self._wire.query("SELECT current_setting($1, true)", (name,)).rows[0][0]

    def _set(self, name: str, value: Cell) -> None:
        self._wire.query("SELECT set_config($1, $2, false)", (name, value))


@lru_cache(maxsize=4)
def _settings(listed: str) -> tuple[tuple[str, str, bool], ...]:
    """Read what the server lists: behind a step it is most often what it was before."""
    return tuple((name, str(value), own) for name, value, own in json.loads(listed))
