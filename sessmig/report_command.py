"""The command `report`: reads the chronicle, lays it out as is asked, prints it or writes it to a file.

Knows formats by name; decides nothing about migrations.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sessmig.config import Settings
from sessmig.errors import UsageError
from sessmig.escapes import json_text
from sessmig.hints import pasted, pasted_ways
from sessmig.options import everywhere, opened_job, print_lines
from sessmig.output_file import write_file
from sessmig.streams import say
from sessmig.words import file_size

if TYPE_CHECKING:
    from sessmig.chronicle import Chronicle

FORMATS = ("text", "markdown", "html", "json")
_ENDINGS = {".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".json": "json"}


@click.command()
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="How it is laid out; else by FILE's ending, else text."
)
@click.option("--output", "-o", metavar="FILE", help="Write it to a file, whole or not at all; - is standard output.")
@click.option("--run", metavar="N", help="Tell of this run alone, by the number that a report gives it, or `last`.")
@everywhere
def report(settings: Settings, form: str | None, output: str | None, run: str | None, as_json_: bool) -> int:
    """Tell what was done and where it stands, for people. Writes nothing to the database."""
    from sessmig.archive import read_chronicle

    form = _format(form, output, as_json=as_json_)
    if form == "html":
        from sessmig.report_html import demand_jinja

        demand_jinja()
    if run is not None and run != "last" and not run.isdecimal():
        raise UsageError(f"--run {run}: not a number", remedy="Give the number of a run, or `last`.")
    with opened_job(settings) as job:
        chronicle = read_chronicle(job, run or "")
    text = _laid_out(chronicle, form)
    if output is None or output == "-":
        # Text has colours on a terminal.
        print_lines(text.split("\n")) if form == "text" else say(text)
        return 0
    size = write_file(output, f"{pasted_ways(text) if form == 'text' else text}\n")
    say(f"wrote {output}, {file_size(size)}")
    return 0


def _format(form: str | None, output: str | None, *, as_json: bool) -> str:
    if as_json and form not in (None, "json"):
        raise UsageError(f"both --json and --format {form} are given", remedy="Give one of them.")
    if as_json:
        return "json"
    return form or _ENDINGS.get(os.path.splitext(output or "")[1].lower(), "text")


def _laid_out(chronicle: Chronicle, form: str) -> str:
    if form == "html":
        from sessmig.report_html import html_page

        return html_page(chronicle, pasted).rstrip("\n")
    if form == "markdown":
        from sessmig.report_markdown import markdown_text

        return markdown_text(chronicle, pasted)
    from sessmig.report_text import chronicle_json, chronicle_lines

    if form == "json":
        return json_text(chronicle_json(chronicle))
    return "\n".join(chronicle_lines(chronicle))
