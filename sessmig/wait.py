"""The nouns of `wait`: how long a step is to wait for another, and a step that is held for it.

Knows time; knows nothing of files, databases or output.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Wait:
    """`wait 14 days after 34`, as a file says it."""

    number: int
    unit: str
    """`minutes`, `hours`, `days` or `weeks`."""
    after: int
    """The version that is to have stood so long."""
    line: int = 0

    @property
    def long(self) -> timedelta:
        return timedelta(**{self.unit: self.number})

    def __str__(self) -> str:
        return f"{self.number} {self.unit[:-1] if self.number == 1 else self.unit} after {self.after}"

    def until(self, moment: str) -> datetime:
        """Return when it is over, if the other was applied at this moment.

        Raises:
            ValueError: that is no moment that a calendar knows.
        """
        try:
            return read_moment(moment) + self.long
        except OverflowError as error:
            raise ValueError(moment) from error


@dataclass(frozen=True, slots=True)
class Held:
    """A step that a `wait` holds back."""

    version: int
    title: str
    wait: str
    """In words: `14 days after 34`."""
    until: str = ""
    """UTC, `YYYY-MM-DD HH:MM`; empty where nobody knows."""
    why: str = ""
    """Why nobody knows until when."""
    ignored: bool = False
    """It is run none the less (`--ignore-wait`)."""

    @property
    def how(self) -> str:
        """How it is held, in words: `until 2026-12-06 10:00 UTC: 14 days after 34`."""
        return f"until {self.until} UTC: {self.wait}" if self.until else f"back: {self.wait}, and {self.why}"

    def __str__(self) -> str:
        return f"{self.title} is held {self.how}"


def read_moment(text: str) -> datetime:
    """Read a time as a database or an older system wrote it; without an offset it is UTC.

    Raises:
        ValueError: it is none.
    """
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def minute(moment: datetime) -> str:
    """Write a moment to the minute, rounded up: at that time it is over."""
    if moment.second or moment.microsecond:
        moment = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return moment.strftime("%Y-%m-%d %H:%M")
