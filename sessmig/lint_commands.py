"""The command `lint`: reads its options, looks through the files, and prints what was found.

Decides nothing about migrations; opens no database.
"""

from __future__ import annotations

from pathlib import Path

import click

from sessmig.config import Settings, read_address
from sessmig.errors import UsageError
from sessmig.model import DIALECTS, Dialect
from sessmig.options import everywhere
from sessmig.streams import say

FORMATS = ("text", "json", "github", "sarif")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--dialect", type=click.Choice(DIALECTS), help="Look at the files of this dialect only.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="How to print it.  [default: text]")
@click.option("--from", "since", type=int, default=0, metavar="V", help="Look at this version and those above.")
@click.option("--squawk/--no-squawk", default=True, help="Ask squawk about PostgreSQL's locks, where it is installed.")
@everywhere
def lint(
    settings: Settings,
    paths: tuple[str, ...],
    dialect: Dialect | None,
    form: str | None,
    since: int,
    squawk: bool,
    as_json_: bool,
) -> int:
    """Find in the files what rows are lost by.

    PATH is a series, a folder of series, or a file of a migration; without it, --dir. No database is opened.
    Ends with 1 if anything is found.
    """
    from sessmig import lint as linter

    if as_json_ and form not in (None, "json"):
        raise UsageError(f"both --json and --format {form} are given", remedy="Give one of them.")
    places = [Path(path) for path in paths] or [Path(settings.dir or "sql")]
    report = linter.lint(places, dialect=dialect, otherwise=_named(settings), since=since, squawk=squawk)
    form = "json" if as_json_ else form or "text"
    for line in linter.FORMATS[form](report):
        say(line)
    if form == "text":
        for note in report.notes:
            say(f"note: {note}", err=True)
    return 1 if report.findings else 0


def _named(settings: Settings) -> Dialect | None:
    """Return the dialect of the database that is named, if one is."""
    if settings.database is None:
        return None
    named = read_address(settings.database).dialect
    return DIALECTS[DIALECTS.index(named)]
