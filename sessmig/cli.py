"""The command line's door: a plain `migrate` with nothing to do ends here; for all else the commands are imported.

Knows how the process begins and ends; no traceback reaches the user.
"""

from __future__ import annotations

import gc
import sys

from sessmig.idle import Look, look_in_turn
from sessmig.naming import INTERRUPTED
from sessmig.nothing import heading, nothing_done
from sessmig.plain_migrate import Plain, read_plain
from sessmig.streams import flush_streams, is_plain, open_streams, say, unwritten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sessmig.ended import Hearing

_SELDOM = 20_000
"""So many new objects are waited for before cycles are looked for."""


def program() -> int:
    """Be the program `sessmig`, whose process ends with it: nothing is looked through for what a long life would need.

    To look for cycles of objects while modules are loaded, and again when all ends, takes a seventh of a start.
    """
    gc.set_threshold(_SELDOM)
    try:
        return main()
    finally:
        gc.freeze()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; no traceback reaches the user."""
    unwritten.clear()
    open_streams()
    first = Look()
    try:
        wanted = read_plain(sys.argv[1:] if arguments is None else arguments)
        first = look_in_turn(wanted.database, wanted.directory, hearing=_hearing) if wanted else first
        code = 0 if wanted and _told(first, wanted) else _run(arguments, first)
    except KeyboardInterrupt as ended:
        say(": ".join(("interrupted", *getattr(ended, "__notes__", ()))), err=True)
        code = getattr(ended, "exit_code", INTERRUPTED)
    finally:
        first.close()
    if unwritten and code == 0:
        say(f"the report could not be written ({unwritten[0]}); the run itself succeeded", err=True)
        code = 1
    flush_streams()
    return code


def _hearing() -> Hearing:
    from sessmig.ended import Hearing

    return Hearing()


def _told(first: Look, wanted: Plain) -> bool:
    """Print the report of a run that had nothing to do, if there is one, and nothing else to tell."""
    if first.report is None or (wanted.visible and first.has_secrets):
        return False
    last = nothing_done(first.report)
    lines = [last] if wanted.quiet else [heading(first.report), "", last]
    # What else there is in a line, `options.print_lines` sees to.
    if not all(map(is_plain, lines)) or not lines[0][0].isalnum():
        return False
    for line in lines:
        say(line)
    return True


def _run(arguments: list[str] | None, first: Look) -> int:
    from sessmig.group import run

    return run(arguments, first)
