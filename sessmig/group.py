"""The group of all commands, and how one of them ends.

Knows exit codes; no traceback reaches the user.
"""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

import click

from sessmig import __version__
from sessmig.errors import SessmigError
from sessmig.options import INTERRUPTED, tell
from sessmig.streams import say

if TYPE_CHECKING:
    from sessmig.idle import Look


def run(arguments: list[str] | None, first: Look) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: what stands behind the program's name; the process's own, if None.
        first: a first look at the database.
    """
    try:
        return int(cli.main(arguments, prog_name="sessmig", standalone_mode=False, obj=first) or 0)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted", err=True)
        return INTERRUPTED
    except SessmigError as error:
        tell(error.what, error.holds, error.remedy)
        return error.exit_code
    except MemoryError:
        tell(
            "sessmig: out of memory: but for plain INSERTs a file is held whole, and takes six times its size",
            "What was committed before stands, and nothing else: sessmig status tells.",
            "Give it more memory, or cut the file into several migrations, and run it again.",
        )
        return 1
    except Exception as error:
        if "SESSMIG_TRACEBACK" in os.environ:
            raise
        say(f"sessmig: an error of its own: {type(error).__name__}: {error}", err=True)
        say("Please report it, with what SESSMIG_TRACEBACK=1 shows.", err=True)
        return 1


class _Commands(click.Group):
    """The commands by their names; only the one that is asked for is imported, as each takes its time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in PLACES:
            return None
        command: click.Command = getattr(import_module(f"sessmig.{PLACES[cmd_name]}"), cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def cli() -> None:
    """Run plain-SQL migrations, and prove that no row was lost."""


PLACES = {
    "migrate": "commands",
    "plan": "plan_command",
    "status": "commands",
    "verify": "commands",
    "rehearse": "commands",
    "rollback": "back_commands",
    "log": "back_commands",
    "report": "report_command",
    "backup": "backup_commands",
    "restore": "backup_commands",
    "resign": "commands",
    "baseline": "adopt_commands",
    "adopt": "adopt_commands",
    "lint": "lint_commands",
    "new": "commands",
}
"""In which module each command stands."""
