"""The group of all commands, and how one of them ends.

Knows exit codes; no traceback reaches the user.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from sessmig import (
    __version__,
    adopt_commands,
    back_commands,
    backup_commands,
    commands,
    lint_commands,
    plan_command,
    report_command,
)
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
    except Exception as error:
        if "SESSMIG_TRACEBACK" in os.environ:
            raise
        say(f"sessmig: an error of its own: {type(error).__name__}: {error}", err=True)
        say("Please report it, with what SESSMIG_TRACEBACK=1 shows.", err=True)
        return 1


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def cli() -> None:
    """Run plain-SQL migrations, and prove that no row was lost."""


for _command in (
    commands.migrate,
    plan_command.plan,
    commands.status,
    commands.verify,
    commands.rehearse,
    back_commands.rollback,
    back_commands.log,
    report_command.report,
    backup_commands.backup,
    backup_commands.restore,
    commands.resign,
    adopt_commands.baseline,
    adopt_commands.adopt,
    lint_commands.lint,
    commands.new,
):
    cli.add_command(_command)
