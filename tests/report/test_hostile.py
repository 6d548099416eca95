"""Nothing that stands in a database, a file name or a log is taken for HTML, Markdown or a terminal's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from sessmig.escapes import code, fenced, json_text, markdown, visible
from sessmig.report_html import html_page
from sessmig.report_markdown import markdown_text
from sessmig.report_text import chronicle_json, chronicle_lines
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.report.shop import Read, chronicle, write_log
from tests.run.doing import migrate

Probes = Callable[[str], Probe]

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
TERMINAL = "\x1b[31mred\x1b]0;title\x07\x9b2J"
TURNED = "user\u202etxt.exe\u2066"
LINKING = "@everyone #12 https://evil.example www.evil.example :boom: [a](b) ![c](d) `code` | pipe"
TABLE = f'{SCRIPT}"&`|*_'
QUOTED = '"' + TABLE.replace('"', '""') + '"'
VALUES = (
    SCRIPT,
    TERMINAL,
    TURNED,
    LINKING,
    "--> ]]> </pre></td></table></svg>",
    "{{ 7 * 7 }}{% raw %}",
    "a\nb\r\nc\td",
)


def _files() -> dict[str, str]:
    listed = ", ".join(f"({n}, '{value}')" for n, value in enumerate(VALUES))
    return {
        "0001_tables.sql": f"CREATE TABLE {QUOTED} (id INTEGER PRIMARY KEY, {QUOTED} TEXT);\n"
        "CREATE TABLE target (id INTEGER PRIMARY KEY, name TEXT);\n"
        f"INSERT INTO {QUOTED} VALUES {listed};\n",
        "0002_nasty.sql": f"-- {SCRIPT} {LINKING}\n"
        f"INSERT INTO target SELECT id, {QUOTED} FROM {QUOTED} WHERE id > 0;\n",
        "0002_nasty.verify.sql": f"-- merge: {QUOTED} into target on id comparing {QUOTED} = name\n"
        f"-- reject: {SCRIPT} {LINKING} where id = 0\n"
        f"-- check: {SCRIPT} {LINKING}\nSELECT 1 AS one WHERE 1 = 2;\n"
        f"-- warn: rows {SCRIPT}\nSELECT id, {QUOTED} FROM {QUOTED} ORDER BY id;\n"
        f"-- measure: count\nSELECT max({QUOTED}) FROM {QUOTED} WHERE id = 0;\n",
    }


@pytest.fixture
def nasty(database_url: str, migrations: WriteMigrations) -> tuple[str, Path]:
    """Migrate a series whose names and values are hostile."""
    folder = migrations(_files())
    migrate(database_url, folder)
    return database_url, folder


def _is_clean(text: str) -> bool:
    return all(character.isprintable() or character in "\n\t" for character in text)


def test_the_page_has_no_element_and_no_attribute_but_the_templates(nasty: tuple[str, Path]) -> None:
    page = Read(html_page(chronicle(*nasty)))
    known = """html head meta title style body main footer p h1 h2 h3 h4 div dl dt dd span strong br table thead tbody
        tr th td details summary article section figure figcaption svg text rect path g pre code ol li"""
    assert {tag for tag, _ in page.elements} <= set(known.split())
    names = {name for _, attributes in page.elements for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in ("src", "href", "style", "xlink:href")}
    for value in (SCRIPT, LINKING, "--> ]]> </pre></td></table></svg>", "{{ 7 * 7 }}{% raw %}"):
        assert value in page.text


def test_the_page_is_whole_whatever_it_shows(nasty: tuple[str, Path]) -> None:
    html = html_page(chronicle(*nasty))
    for tag in ("table", "tr", "td", "details", "article", "svg", "pre", "main"):
        assert len(re.findall(rf"<{tag}[ >]", html)) == html.count(f"</{tag}>")


def test_control_characters_are_shown_on_the_page_and_never_sent(nasty: tuple[str, Path]) -> None:
    html = html_page(chronicle(*nasty))
    assert _is_clean(html)
    assert r"\x1b[31mred\x1b]0;title\x07\x9b2J" in html
    assert r"user\u202etxt.exe\u2066" in html


def test_the_page_shows_a_hostile_table_by_its_name(nasty: tuple[str, Path]) -> None:
    found = chronicle(*nasty)
    page, step = Read(html_page(found)), found.steps[-1].step
    assert step
    assert SCRIPT in step.merges[0].name
    assert step.merges[0].name in page.text
    assert f"rejected: {SCRIPT}" in page.text


def test_markdown_shows_all_of_it_as_text(nasty: tuple[str, Path]) -> None:
    text = markdown_text(chronicle(*nasty))
    html = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    page = Read(html)
    assert not {tag for tag, _ in page.elements} & {"script", "img", "a", "svg", "style", "iframe"}
    assert all(not attributes for tag, attributes in page.elements if tag not in ("th", "td", "code"))
    assert SCRIPT in page.text
    assert html.count("<details>") == html.count("</details>")
    widths = [len(re.findall(r"<t[hd][ >]", row)) for row in re.findall(r"<tr>.*?</tr>", html, flags=re.DOTALL)]
    assert set(widths) <= {2, 3, 4, 7, 9}


def test_in_markdown_nothing_stands_that_github_would_link(nasty: tuple[str, Path]) -> None:
    text = markdown_text(chronicle(*nasty))
    outside = re.sub(r"```.*?```|`[^`\n]*`|<code>.*?</code>", "", text, flags=re.DOTALL)
    assert not re.search(r"@everyone|#12|https://|www\.|:boom:", outside)


def test_text_and_json_send_no_control_character_to_a_terminal(nasty: tuple[str, Path]) -> None:
    found = chronicle(*nasty)
    assert _is_clean("\n".join(chronicle_lines(found)))
    written = json_text(chronicle_json(found))
    assert _is_clean(written)
    examples = json.loads(written)["runs"][0]["attempts"][1]["step"]["checks"][-1]["examples"]
    assert [value for _, value in examples] == list(VALUES[:5])


def test_a_log_that_another_hand_wrote_is_shown_as_text_too(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations({"0001_a.sql": "SELECT 1;\n"})
    migrate(database_url, folder)
    nasty = SCRIPT + LINKING + TURNED
    write_log(
        probe(database_url),
        migration_id=nasty,
        action=nasty,
        outcome=nasty,
        done_by=nasty,
        sessmig_version=nasty,
        detail=json.dumps({"run": nasty, nasty: nasty, "error": nasty, "holds": nasty, "text": nasty}),
    )
    write_log(
        probe(database_url),
        action="backup",
        detail=json.dumps({"run": "b", "path": "/" + nasty, "size": 1, "sha256": nasty}),
    )
    quoted = nasty.replace("'", "''")
    probe(database_url).execute(f"UPDATE schema_migrations SET applied_by = '{quoted}', description = '{quoted}'")
    if database_url.startswith("sqlite"):
        probe(database_url).execute(f"UPDATE schema_migrations SET applied_at = '{quoted}'")
    found = chronicle(database_url, folder)
    page = Read(html_page(found))
    assert not {tag for tag, _ in page.elements} & {"script", "img"}
    assert SCRIPT in page.text
    rendered = Read(MarkdownIt("gfm-like", {"linkify": False}).render(markdown_text(found)))
    assert not {tag for tag, _ in rendered.elements} & {"script", "img", "a"}
    assert _is_clean("\n".join(chronicle_lines(found)))


@pytest.mark.parametrize(
    "text",
    [
        *VALUES[:2],
        "# head",
        "1. one",
        "2) two",
        "- item",
        "+ item",
        "= line",
        "> quote",
        "    code",
        "a_b_c*d*",
        "&lt;",
        "$x$",
    ],
)
def test_markdown_of_a_text_renders_as_that_text(text: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(markdown(text))
    assert [tag for tag, _ in Read(html).elements] == ["p"]
    assert Read(html).text == " ".join(visible(text).split())


@pytest.mark.parametrize("text", ["a|b", "a`b", "``", "a\\b", "<b>", "&lt;", "_a_ *b*", "plain"])
def test_a_code_span_in_a_table_shows_the_text_itself(text: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(f"| a | b |\n| --- | --- |\n| {code(text)} | x |\n")
    page = Read(html)
    assert page.text == f"a b {text} x"
    assert [tag for tag, _ in page.elements].count("td") == 2


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    lines = fenced("a\n````\n<script>\n```", "sql")
    html = MarkdownIt("gfm-like", {"linkify": False}).render("\n".join(lines))
    assert [tag for tag, _ in Read(html).elements] == ["pre", "code"]
