"""Shows a run while it goes: one line a step, rewritten on a terminal, plain elsewhere.

Knows events and terminals; a run in batches has a bar there, and a line now and then elsewhere. What was done is
printed from the report, after the commit.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TextIO

from sessmig.escapes import visible
from sessmig.results import BatchReport, Event
from sessmig.words import count, short, took

_EVERY = 10.0
"""Seconds between two lines of a run in batches, where there is no bar."""
_BAR = 20


class Progress:
    """Writes a line for each step of a run.

    Args:
        stream: where to; colours and rewriting only if it is a terminal (`NO_COLOR` is honoured).
        silent: write nothing.
        clock: tells the seconds.
    """

    def __init__(self, stream: TextIO, *, silent: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._silent = silent
        self._terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self._terminal and not os.environ.get("NO_COLOR")
        self._open = False
        self._next = 0.0

    def show(self, event: Event) -> None:
        """Show one event."""
        if self._silent:
            return
        if event.kind == "step":
            self._begin(event)
        elif event.kind == "progress":
            self._go_on(event)
        elif event.kind == "done":
            self._end(event, "ok", "32")
        elif event.kind == "failed":
            self._end(event, "stopped" if event.is_interrupted else "failed", "31")
        else:
            self._line(f"  {visible(event.text)}")

    def _begin(self, event: Event) -> None:
        self._next = self._clock() + _EVERY
        if self._terminal:
            self._write(f"\r\x1b[K  ...     {short(event.text)}")
            self._open = True
        else:
            self._line(f"  begin   {visible(event.text)}")

    def _go_on(self, event: Event) -> None:
        if self._terminal and event.progress is not None:
            self._write(f"\r\x1b[K{_bar_line(event.progress, event.text, self._width() - 1)}")
            self._open = True
        elif not self._terminal and self._clock() >= self._next:
            self._next = self._clock() + _EVERY
            self._line(f"  ...     {visible(event.text)}")

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def _end(self, event: Event, word: str, colour: str) -> None:
        sign = f"\x1b[{colour}m{word:<6}\x1b[0m" if self._colour else f"{word:<6}"
        told = visible(event.title)
        if event.report is not None:
            rows = sum(statement.rows or 0 for statement in event.report.statements if statement.verb != "SELECT")
            warned = sum(check.outcome == "warned" for check in event.report.checks)
            found = event.report.findings
            failed = sum(one.outcome == "failed" for one in found)
            held = sum(one.outcome == "passed" for one in found)
            parts = [count(rows, "row")]
            parts += [f"{count(held, 'check')} held"] if held else []
            parts += [f"{count(failed, 'check')} failed"] if failed else []
            parts += [count(warned, "warning")] if warned else []
            told += f"  {', '.join(parts)}, {took(event.report.duration_ms)}"
        self._line(f"  {sign}  {told}")

    def _line(self, text: str) -> None:
        self._write(("\r\x1b[K" if self._open else "") + text + "\n")
        self._open = False

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # the reader has gone, and that is no reason to stop a migration
            self._silent = True


def _bar_line(progress: BatchReport, text: str, width: int) -> str:
    """Lay bar and words out so that rows, rate and time left can be read: the bar, then the title, give way."""
    told = f"  {_bar(progress)}  {text}"
    title, _, numbers = text.partition(": ")
    if len(told) > width and numbers:
        told = f"  {_bar(progress, 10)}  {numbers}"
        room = width - len(told) - 2
        told += f"  {short(title, room)}" if room > 3 else ""
    return short(told, width)


def _bar(progress: BatchReport, width: int = _BAR) -> str:
    """Draw how much is done."""
    done = min(progress.rows / progress.total, 1.0) if progress.total else 1.0
    full = int(done * width)
    return f"[{'#' * full}{'.' * (width - full)}] {int(done * 100):>3} %"
