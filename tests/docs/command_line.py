"""Writes docs/reference/cli.md from the commands themselves: `python -m tests.docs.command_line` after one was changed.

Knows click's commands and how the page is laid out; runs none.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from sessmig.group import PLACES, cli

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
_HEAD = """# Command line

This page is written from the commands: it says what `--help` says.
`sessmig COMMAND --help` is quicker; what each is for stands in the README's table, [exit codes](exit-codes.md) and
[errors](errors.md) on pages of their own. Where options may come from else: [settings](files.md#settings).

```text
sessmig [--version] COMMAND [OPTIONS]
```
"""


def commands() -> dict[str, click.Command]:
    """All commands, in the order in which the group names them."""
    found = {name: cli.get_command(click.Context(cli), name) for name in PLACES}
    return {name: command for name, command in found.items() if command}


def options(command: click.Command) -> list[click.Option]:
    """The options of a command, those that every command has at the end."""
    own = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return sorted(own, key=lambda option: _COMMON.index(option.name) + 1 if option.name in _COMMON else 0)


_COMMON = ("database", "db", "directory", "series", "table", "as_json_")


def page() -> str:
    """Lay out the whole page."""
    return _HEAD + "".join("\n" + "\n".join(_lines(name, command)) + "\n" for name, command in commands().items())


def _lines(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=f"sessmig {name}")
    yield f"## `sessmig {name}`\n"
    yield f"{' '.join((command.help or '').split())}\n"
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    yield "| option | what it does |"
    yield "|---|---|"
    for option in options(command):
        record = option.get_help_record(context)
        if record:
            yield "| " + " | ".join(_cell(part) for part in (f"`{record[0]}`", record[1])) + " |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
