"""Leaves a SQLite file to others between two batches, for as long as they need to find it free.

Knows SQLite's own way of waiting, and by what it tells that somebody else has written; knows nothing of batches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from sessmig.model import Answer, Cell

# Who waits hears nothing of a COMMIT: it looks again after 1, 2, 5, ... ms, and behind these every 100 ms.
# See sqliteDefaultBusyCallback() in https://sqlite.org/src/file/src/main.c
_LOOKS = (0, 0.001, 0.003, 0.008, 0.018, 0.033, 0.053, 0.078, 0.103, 0.128, 0.178, 0.228)
_GAPS = (0.001, 0.002, 0.005, 0.010, 0.015, 0.020, 0.025, 0.025, 0.025, 0.050, 0.050, 0.100)
_SPARE = 0.002
_UNSEEN = 1.5
"""How many seconds of work may go by until also somebody who has waited long is sure to find the file free."""
_SHARE = 0.01
_FIRST, _LONG_AGO = 3, 30
"""How many batches others are reckoned with: at the beginning, and after they have written."""


class Turns:
    """Who else writes to the file of one connection.

    Args:
        query: sends one statement and returns its rows.
    """

    def __init__(self, query: Callable[..., Answer]) -> None:
        self._query = query
        self._version: Cell = None
        self._expected = _FIRST
        """For how many batches more others are reckoned with."""
        self._has_met = False
        self._worked = 0.0

    @property
    def has_met(self) -> bool:
        """Whether somebody else has written a short while ago."""
        return self._has_met and self._expected > 0

    def version(self) -> Cell:
        """Return what stays the same as long as no other connection has written."""
        return self._query("PRAGMA main.data_version").rows[0][0]

    def look_around(self) -> None:
        """After each batch, see whether somebody else has written since the one before it."""
        version = self.version()
        self._expected = max(self._expected - 1, 0)
        if self._version not in (None, version):
            self._expected, self._has_met = _LONG_AGO, True
        self._version = version

    def pause(self, seconds: float) -> float:
        """Return for how many seconds to leave the file to others behind a batch of so many.

        Whoever came while it was open then finds it free.
        """
        self._worked += seconds
        waited = seconds if self._expected else self._worked
        if not self._expected and self._worked < _UNSEEN:
            return _SHARE * seconds
        self._worked = 0.0
        return _GAPS[bisect_right(_LOOKS, waited) - 1] + _SPARE
