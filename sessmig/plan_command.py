"""The command `plan`: shows what would run, in order, or writes it down for whoever signs or runs it.

Knows formats by name; decides nothing about migrations.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256

import click

from sessmig.commands import AHEAD, ALLOW_LATE, IGNORE_WAIT, ONLY, TO, chosen
from sessmig.config import Settings
from sessmig.errors import UsageError
from sessmig.escapes import json_text
from sessmig.hints import pasted_ways
from sessmig.options import everywhere, is_coloured, opened_job, terminal_width
from sessmig.output_file import write_file
from sessmig.streams import say
from sessmig.words import file_size

FORMATS = ("text", "sql", "json")
_ENDINGS = {".sql": "sql", ".json": "json"}


@click.command()
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="How it is laid out; else by FILE's ending, or text."
)
@click.option(
    "--out", "-o", metavar="FILE", help="Write it to a file; migrate --plan FILE takes JSON, psql or sqlite3 SQL."
)
@click.option("--all", "whole", is_flag=True, help="Show the SQL that sessmig adds around each step too.")
@TO
@ONLY
@ALLOW_LATE
@AHEAD
@IGNORE_WAIT
@everywhere
def plan(
    settings: Settings,
    form: str | None,
    out: str | None,
    whole: bool,
    to: int | None,
    only: int | None,
    allow_late: bool,
    ahead: str,
    ignore_wait: bool,
    as_json_: bool,
) -> int:
    """Show what would run, in order. Writes nothing to the database."""
    from sessmig.preview import preview

    form = _format(form, out, as_json=as_json_)
    if whole and form != "text":
        raise UsageError(f"--all with --format {form}", remedy="It is for the page: leave one of them out.")
    wish = chosen(to, only, allow_late, ahead, ignore_wait)
    shown = out in (None, "-")
    with opened_job(settings, wish=wish) as job:
        found = preview(job)
        if form == "sql":
            from sessmig.scripted import script_text

            text = script_text(job, found)
        elif form == "json":
            from sessmig.signing import signed_json

            text = json_text(signed_json(job, found)) + "\n"
        else:
            from sessmig.preview_text import page_lines
            from sessmig.surrounding import surroundings

            width, coloured = (terminal_width(), is_coloured()) if shown else (None, False)
            around = surroundings(job, found) if whole else {}
            lines = page_lines(found, job.database.dialect, around, width=width, coloured=coloured)
            text = "\n".join(map(pasted_ways, lines)) + "\n"
    if out is None or out == "-":
        is_read = form == "sql" and not sys.stdout.isatty()  # by psql or sqlite3
        say(text.removesuffix("\n"), raw=form != "sql", exact=is_read)
        return 0
    size = write_file(out, text)
    say(f"wrote {out}, {file_size(size)}, SHA-256 {sha256(text.encode(errors='backslashreplace')).hexdigest()}")
    return 0


def _format(form: str | None, out: str | None, *, as_json: bool) -> str:
    if as_json and form not in (None, "json"):
        raise UsageError(f"both --json and --format {form} are given", remedy="Give one of them.")
    if as_json:
        return "json"
    return form or _ENDINGS.get(os.path.splitext(out or "")[1].lower(), "text")
