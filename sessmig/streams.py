"""Writes lines to standard output and standard error, whoever reads them or has gone.

Knows streams; knows nothing of what is said. A start with nothing pending imports it, so it imports next to nothing.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

unwritten: list[str] = []
"""Why standard output could not be written, if it could not."""


def say(line: str = "", *, err: bool = False, raw: bool = False, exact: bool = False) -> None:
    """Print a line to whoever still reads; `| head` must not change what comes of a command.

    Args:
        line: what to print; what a terminal would take for its own is shown as escapes, wherever it came from.
        err: to standard error.
        raw: it has colours of ours, which are sent to a terminal only.
        exact: it is for another program, and every byte of it counts.
    """
    stream = sys.stderr if err else sys.stdout
    try:
        if is_plain(line) and stream is not None:  # then there is nothing to escape
            stream.write(f"{line}\n")
            stream.flush()
        else:
            import click  # it knows of colours that a file does not want, and of streams that speak too little

            from sessmig.escapes import visible

            # Without `color` click takes all that looks like a colour out of what goes into a pipe.
            click.echo(line if raw or exact else visible(line), err=err, color=exact or None)
    except OSError as error:
        _let_go(stream)
        if not err and not isinstance(error, BrokenPipeError):
            unwritten.append(error.strerror or str(error))


def is_plain(line: str) -> bool:
    """Tell whether a line can be written as it is to whatever stream there may be."""
    return line.isascii() and line.isprintable()


def flush_streams() -> None:
    """Write what is left, or let it go: at the end of the process that would change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _let_go(stream)


def _let_go(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def open_streams() -> None:
    """Give closed streams a place: what is opened next would get their number, and what is printed with it."""
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # gets the lowest free number; to write to standard output then fails
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
