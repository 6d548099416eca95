"""Shows a run while it goes: one line a step, rewritten on a terminal, plain elsewhere.

Knows events and terminals; what was done is printed from the report, after the commit.
"""

from __future__ import annotations

import os
from typing import TextIO

from sessmig.results import Event
from sessmig.words import count, short, took


class Progress:
    """Writes a line for each step of a run.

    Args:
        stream: where to; colours and rewriting only if it is a terminal (`NO_COLOR` is honoured).
        silent: write nothing.
    """

    def __init__(self, stream: TextIO, *, silent: bool = False) -> None:
        self._stream = stream
        self._silent = silent
        self._terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self._terminal and not os.environ.get("NO_COLOR")
        self._open = False

    def show(self, event: Event) -> None:
        """Show one event."""
        if self._silent:
            return
        if event.kind == "step":
            self._begin(event)
        elif event.kind == "done":
            self._end(event, "ok", "32")
        elif event.kind == "failed":
            self._end(event, "failed", "31")
        else:
            self._line(f"  {event.text}")

    def _begin(self, event: Event) -> None:
        if self._terminal:
            self._write(f"\r\x1b[K  ...     {short(event.text)}")
            self._open = True
        else:
            self._line(f"  begin   {event.text}")

    def _end(self, event: Event, word: str, colour: str) -> None:
        sign = f"\x1b[{colour}m{word:<6}\x1b[0m" if self._colour else f"{word:<6}"
        told = event.title
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
