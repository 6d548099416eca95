"""The page in a real browser: on a telephone and on a wide screen, light and dark, on paper; by content, not pixels."""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sessmig import SessmigError
from sessmig.report_html import html_page
from tests.fixtures.browser import Page
from tests.fixtures.probe import SqliteProbe
from tests.report.shop import FILES, chronicle, write_log
from tests.report.test_hostile import LINKING, SCRIPT, TURNED
from tests.run.doing import log, migrate, roll_back

LONG = "the_table_with_the_long_name_that_nobody_would_give_it_but_somebody_did_" * 3
SHOWS = [(width, scheme) for width in (360, 1100) for scheme in ("light", "dark")]
# Contrast by https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio; a ground that lets others through is mixed with them.
CONTRAST = """
(() => {
  const parsed = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
  const mixed = (over, under) => over.slice(0, 3).map((c, i) => c * over[3] + under[i] * (1 - over[3]));
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(parsed(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((under, over) => mixed(over, under), [255, 255, 255]);
  };
  const ratio = (colour, element) => {
    const pair = [light(mixed(parsed(colour), ground(element))), light(ground(element))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, style = getComputedStyle(element);
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    const colour = element instanceof SVGElement ? style.fill : style.color;
    found.push([ratio(colour, element), 4.5, walker.currentNode.data.trim().slice(0, 40)]);
  }
  for (const bar of document.querySelectorAll("rect.bar, rect.source, rect.did"))
    found.push([ratio(getComputedStyle(bar).fill, bar.closest("svg")), 3, bar.getAttribute("class")]);
  return found;
})()
"""
OUTSIDE = """
[...document.querySelectorAll("main *, footer *")]
  .filter((one) => !one.closest("thead") && one.getClientRects().length)
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5 || one.getBoundingClientRect().left < -0.5)
  .map((one) => one.outerHTML.slice(0, 100))
"""
SCROLLING = """
[...document.querySelectorAll("*")]
  .filter((one) => ["auto", "scroll"].includes(getComputedStyle(one).overflowX) && one.scrollWidth > one.clientWidth)
  .map((one) => one.outerHTML.slice(0, 100))
"""
PICTURES = """
[...document.querySelectorAll("figure svg")].map((svg) => ({
  label: svg.getAttribute("aria-label"),
  width: svg.viewBox.baseVal.width, height: svg.viewBox.baseVal.height,
  scale: svg.getBoundingClientRect().width / svg.viewBox.baseVal.width,
  texts: [...svg.querySelectorAll("text")].map((one) => {
    const box = one.getBBox();
    return [one.textContent, box.x, box.y, box.x + box.width, box.y + box.height];
  }),
  bars: [...svg.querySelectorAll("rect")].map((one) => {
    const box = one.getBBox();
    return [one.parentElement.getAttribute("class"), box.x, box.y, box.x + box.width, box.y + box.height];
  }),
}))
"""


def _account(name: str, source: int, **numbers: Any) -> dict[str, Any]:
    nothing = {"inserted": 0, "identical": 0, "differing": 0, "rejected": [], "absent": 0, "missing": 0}
    return {"name": name, "where": "a.sql:1", "outcome": "passed", "source": source, **nothing, **numbers}


ACCOUNTS = [
    _account("one row", 1, inserted=1),
    _account("a million rows", 1_000_000, inserted=999_998, differing=1, rejected=[["no such session", 1]]),
    _account("every way", 1_000_000, inserted=600_000, identical=200_000, differing=199_999, rejected=[["no", 1]]),
    _account(f"{LONG} into {LONG}", 12, inserted=2, rejected=[["W" * 99, 5], [f"{SCRIPT} {LINKING} {TURNED}", 5]]),
    _account("nothing", 0),
    _account("lost", 9, inserted=2, missing=3, outcome="failed", found="3 rows missing in the target"),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a page that has it all: runs that failed and went back, long names, hostile ones, any number of rows."""
    place = tmp_path_factory.mktemp("page")
    folder, url = place / "shop", f"sqlite:///{place / 'app.db'}"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    migrate(url, folder)
    roll_back(url, folder)
    (folder / "0002_merge.sql").write_text("INSERT INTO new VALUES (9, NULL);\n")
    with pytest.raises(SessmigError):
        migrate(url, folder)
    probe = SqliteProbe(place / "app.db")
    kept = log(probe)[1][3]
    wide = {"columns": [f"column_{n}_{LONG[:20]}" for n in range(9)], "examples": [[LONG] * 9], "total": 4}
    checks = [kept["checks"][0] | wide | {"outcome": "warned", "found": "4 rows", "name": f"{SCRIPT} {LONG}"}]
    effect = {"table": LONG, "before": 10**12, "after": 10**12, "inserted": 10**9, "updated": None, "deleted": 10**9}
    effects = [effect | {"by": ["DELETE in line 12", f"cascade from {LONG}"]}]
    detail = kept | {"merges": ACCOUNTS, "checks": kept["checks"] + checks, "effects": effects}
    write_log(probe, migration_id=LONG, done_by=f"{LONG}@{LONG}", detail=json.dumps(detail | {"run": "hostile"}))
    write_log(probe, version=2, outcome="failed", detail=json.dumps({"run": "hostile", "error": f"{LONG}\n{SCRIPT}"}))
    backup = {"run": "backup", "path": f"/{LONG}", "size": 10**12, "sha256": "a" * 64, "wal": "0/1"}
    write_log(probe, version=0, action="backup", detail=json.dumps(backup))
    path = place / "report.html"
    path.write_text(html_page(chronicle(url, folder)))
    return path


def _unfold(page: Page) -> None:
    page.ask("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


@pytest.mark.parametrize(("width", "scheme"), SHOWS)
def test_nothing_scrolls_sideways(page: Page, written: Path, width: int, scheme: str) -> None:
    page.open(written, width=width, scheme=scheme)
    _unfold(page)
    assert page.ask("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
    assert page.ask(OUTSIDE) == []
    assert page.ask(SCROLLING) == []


@pytest.mark.parametrize(("width", "scheme"), SHOWS)
def test_every_word_and_every_bar_has_contrast_enough(page: Page, written: Path, width: int, scheme: str) -> None:
    page.open(written, width=width, scheme=scheme)
    _unfold(page)
    found = page.ask(CONTRAST)
    assert len(found) > 300
    assert [one for one in found if one[0] < one[1]] == []


def test_it_is_dark_where_the_reader_has_it_dark(page: Page, written: Path) -> None:
    grounds, shots = [], set()
    for scheme in ("light", "dark"):
        page.open(written, scheme=scheme)
        grounds.append(page.ask("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"))
        shot = base64.b64decode(page.call("Page.captureScreenshot")["data"])
        assert struct.unpack(">II", shot[16:24]) == (360, 800)
        shots.add(shot)
    assert min(grounds[0]) > 200
    assert max(grounds[1]) < 60
    assert len(shots) == 2


def test_it_asks_for_nothing_and_runs_nothing(page: Page, written: Path) -> None:
    page.open(written)
    _unfold(page)
    assert page.requested == [written.as_uri()]
    assert page.complaints == []
    assert page.ask("document.querySelectorAll('script, img, link, iframe, object, embed, a, form').length") == 0


def test_a_script_in_it_would_not_run(page: Page, written: Path, tmp_path: Path) -> None:
    """If ever the escaping had a hole: the page's own policy forbids scripts and whatever is elsewhere."""
    hole = "<script>document.title = 'run'</script><img src='https://evil.example/x.png'></main>"
    broken = tmp_path / "broken.html"
    broken.write_text(written.read_text().replace("</main>", hole))
    page.open(broken)
    assert page.ask("document.title") == "shop: migration report"
    assert len([one for one in page.complaints if "Content Security Policy" in one]) == 2


@pytest.mark.parametrize("width", [360, 1100])
def test_the_pictures_can_be_read_with_one_row_and_with_a_million(page: Page, written: Path, width: int) -> None:
    page.open(written, width=width)
    _unfold(page)
    pictures = page.ask(PICTURES)
    drawn = [one for one in ACCOUNTS if one["source"]]
    assert len(pictures) >= len(drawn)
    for picture in pictures:
        assert picture["scale"] * 12 > 10.5, "text too small to be read"
        boxes = picture["texts"]
        for number, (text, left, top, right, bottom) in enumerate(boxes):
            inside = left >= 0 and top >= 0 and right <= picture["width"] and bottom <= picture["height"]
            assert inside, f"{text} is cut off"
            for other in boxes[number + 1 :]:
                apart = right <= other[1] or other[3] <= left or bottom <= other[2] + 1 or other[4] <= top + 1
                assert apart, f"{text} is written over {other[0]}"
        for kind, _, top, _, bottom in picture["bars"]:
            assert bottom - top >= 2.9, f"{kind} cannot be seen"
            assert bottom <= picture["height"]


def test_a_picture_says_in_words_what_it_shows(page: Page, written: Path) -> None:
    page.open(written)
    _unfold(page)
    pictures = {one["label"]: [text for text, *_ in one["texts"]] for one in page.ask(PICTURES)}
    label = "1,000,000 source rows: 999,998 inserted, 1 differing, 1 rejected: no such session"
    assert pictures[label] == [
        "1,000,000 source rows",
        "999,998 rows · > 99.9 %",
        "inserted",
        "1 row · < 0.1 %",
        "differing",
        "1 row · < 0.1 %",
        "rejected: no such",
        "session",
    ]
    assert pictures["1 source row: 1 inserted"] == ["1 source row", "1 row · 100 %", "inserted"]
    assert pictures["9 source rows: 2 inserted, 3 missing, 4 not told"][3:5] == ["3 rows · 33.3 %", "missing"]


def test_the_newest_run_is_open_and_the_others_are_folded(page: Page, written: Path) -> None:
    page.open(written)
    opened = page.ask("[...document.querySelectorAll('details.run')].map((one) => one.open)")
    assert opened == [True, False, False, False, False]


def test_on_paper_every_query_is_open_and_the_files_texts_are_not(page: Page, written: Path) -> None:
    page.open(written, width=800, scheme="dark", media="print")
    shown = "(one) => one.checkVisibility({contentVisibilityAuto: true}) && one.getBoundingClientRect().height > 0"
    queries = page.ask(f"[...document.querySelectorAll('details:not(.file) pre')].map({shown})")
    assert len(queries) > 10
    assert page.ask(f"[...document.querySelectorAll('details:not(.file):not(.file *) > pre')].every({shown})")
    assert not page.ask(f"[...document.querySelectorAll('.file')].some({shown})")
    assert page.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_a_browser_its_tests_are_skipped_and_where_nothing_may_be_they_fail(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.fixtures.browser"]')
    (tmp_path / "test_one.py").write_text("def test_needs(page): pass")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-rsf",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    without = {name: value for name, value in os.environ.items() if name != "SESSMIG_REQUIRE_POSTGRES"}
    without |= {
        "PATH": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    skipped, failed = (
        subprocess.run(command, env=without | more, cwd=tmp_path, capture_output=True, text=True, check=False)
        for more in ({}, {"SESSMIG_REQUIRE_POSTGRES": "1"})
    )
    assert skipped.returncode == 0
    assert "no Chromium: apt-get install chromium" in skipped.stdout
    assert "1 skipped" in skipped.stdout
    assert failed.returncode == 1
    assert "(SESSMIG_REQUIRE_POSTGRES is set: this is a failure, not a skip)" in failed.stdout
