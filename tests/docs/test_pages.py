"""The pages are built without a warning, every link leads somewhere, and every block is what it says it is."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from sessmig import FileError, script
from sessmig.ledger_tables import COLUMNS, LOG_COLUMNS
from sessmig.model import DIALECTS
from tests.docs import command_line
from tests.docs.reading import DOCS, PAGES, READ, Block, anchors, blocks, links
from tests.fixtures.processes import Cli
from tests.pages import ROOT

BLOCKS = [block for page in READ for block in blocks(page)]
YAML = importlib.import_module("yaml")  # which MyST brings
_SQL = re.compile(
    r"\s*(?:-- (?:sessmig|merge|check|require|measure|warn)|CREATE |INSERT |SELECT |UPDATE |DELETE |ALTER )"
)
_COMMAND = re.compile(r"\bsessmig ([a-z]+)((?: +(?:\[?-{1,2}[a-z][^\s`|)\]]*|[^\s`|;,.()\[\]]+)\]?)*)")


def _of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def _place(block: Block) -> str:
    return block.place


def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(tmp_path / "trees")]
    built = subprocess.run(
        [*command, str(DOCS), str(tmp_path / "html")], capture_output=True, text=True, check=False, timeout=300
    )
    assert (built.returncode, built.stderr) == (0, "")
    for page in PAGES:
        assert (tmp_path / "html" / page.relative_to(DOCS).with_suffix(".html")).is_file()
    text = (tmp_path / "html" / "reference" / "api.html").read_text(encoding="utf-8")
    for name in ("ensure_migrations", "aensure_migrations", "SessmigError", "PendingError", "Report"):
        assert f'id="sessmig.{name}"' in text or f".{name}" in text, name


@pytest.mark.parametrize("page", READ, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    for line, target in links(page):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name}:{line}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{page.name}:{line}: {target}"


def test_every_page_can_be_reached_from_the_first() -> None:
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = {path for trees in re.findall(r"```\{toctree\}.*?\n\n(.*?)```", text, re.DOTALL) for path in trees.split()}
    found = {page for pattern in listed for page in DOCS.glob(f"{pattern}.md")}
    assert found | {DOCS / "index.md"} == set(PAGES)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language], ids=_place)
def test_a_block_says_what_it_is(block: Block) -> None:
    known = ("sql", "text", "console", "python", "toml", "yaml", "sh", "dockerfile", "makefile", "json", "html")
    assert block.language in known or block.language.startswith("{"), block.place


@pytest.mark.parametrize("block", _of("sql"), ids=_place)
def test_sql_is_cut_into_statements_by_one_database_or_both(block: Block) -> None:
    refused = []
    for dialect in DIALECTS:
        try:
            pieces = script.split(block.text, dialect, block.page)
        except FileError as error:
            refused.append(error)
            continue
        assert "".join(piece.text for piece in pieces) == block.text
    assert len(refused) < len(DIALECTS), refused


@pytest.mark.parametrize("block", [block for block in _of("") if _SQL.match(block.text)], ids=_place)
def test_sql_without_a_fence_is_cut_into_statements_too(block: Block) -> None:
    pieces = script.split(block.text, "postgres", block.page)
    assert sum(piece.is_statement for piece in pieces) > 0 or "-- merge:" in block.text or "-- sessmig:" in block.text


@pytest.mark.parametrize("block", _of("sh"), ids=_place)
def test_a_shell_understands_what_is_meant_for_it(block: Block) -> None:
    read = subprocess.run(["sh", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("block", _of("python"), ids=_place)
def test_python_compiles_and_what_it_imports_is_there(block: Block) -> None:
    tree = ast.parse(block.text, block.place)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "sessmig":
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name), alias.name


@pytest.mark.parametrize("block", [*_of("toml"), *_of("yaml")], ids=_place)
def test_settings_can_be_read(block: Block) -> None:
    assert tomllib.loads(block.text) if block.language == "toml" else YAML.safe_load(block.text)


def test_every_command_and_option_that_a_page_speaks_of_exists() -> None:
    known = command_line.commands()
    spoken = set()
    for page in READ:
        for line, text in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            for name, rest in _COMMAND.findall(text):
                if name not in known:
                    continue
                spoken.add(name)
                there = {
                    way
                    for option in command_line.options(known[name])
                    for way in (*option.opts, *option.secondary_opts)
                }
                for way in re.findall(r"(?<![\w-])(--[a-z-]+|-[a-z])\b", rest):
                    assert way in {*there, "--help", "-h"}, f"{page.name}:{line}: sessmig {name} {way}"
    assert spoken == set(known)


def test_the_reference_of_the_command_line_is_what_the_commands_say() -> None:
    written = command_line.PAGE.read_text(encoding="utf-8")
    assert written == command_line.page(), "written anew by: python -m tests.docs.command_line"


@pytest.mark.parametrize("name", command_line.commands())
def test_the_help_of_a_command_is_complete(name: str) -> None:
    command = command_line.commands()[name]
    assert command.help
    assert command.help.partition("\n")[0].endswith(".")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.help.rstrip().endswith((".", "]")), parameter.name
        else:
            assert parameter.human_readable_name.strip("[].") in command.help, parameter.name


def test_the_list_of_commands_cuts_no_sentence(cli: Cli) -> None:
    listed = cli("--help").stdout.partition("Commands:")[2]
    assert set(re.findall(r"^  (\w+) ", listed, flags=re.MULTILINE)) == set(command_line.commands())
    assert all(line.endswith(".") and not line.endswith("...") for line in listed.split("\n") if line.strip())


def test_the_reference_of_the_ledger_has_every_column_with_its_meaning() -> None:
    text = (DOCS / "reference" / "ledger.md").read_text(encoding="utf-8")
    ledger, _, log = text.partition("## `schema_migrations_log`")
    for part, columns in ((ledger, COLUMNS), (log, LOG_COLUMNS)):
        shown = re.findall(r"^\| `(\w+)` \| (.*) \|$", part, flags=re.MULTILINE)
        assert shown[: len(columns)] == [(column.name, column.comment) for column in columns]
