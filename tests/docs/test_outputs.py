"""What the pages show as output is what the commands print: guard.md and rehearse.md here, others elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.reading import DOCS, PAGES, blocks
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import connect
from tests.fixtures.processes import Cli
from tests.pages import ROOT, Shown, demand

_FAMILIES = {"series": "test_page.py", "lint": "lint/test_pages.py"}
_HELD = {
    "guard.md": "docs/test_outputs.py",
    "rehearse.md": "docs/test_outputs.py",
    "tutorial.md": "docs/test_tutorial.py",
    "cli.md": "docs/command_line.py",
    "errors.md": "errors/test_errors.py",
    "merge.md": "merge/test_docs.py",
    "lint.md": "lint/test_pages.py",
    "sqlite-rebuild.md": "foreign_keys/test_rebuild.py",
    "existing-database.md": "test_existing_howto.py",
    "testing.md": "plugin/test_page.py",
    "applications.md": "applications/example.py",
}
"""The pages that show output, and what holds them to it."""
CHAT = """CREATE TABLE sessions (id INTEGER PRIMARY KEY, title TEXT);
CREATE TABLE messages (id TEXT PRIMARY KEY, session INTEGER REFERENCES sessions (id) ON DELETE CASCADE, body TEXT);
INSERT INTO sessions VALUES (1, 'tea'), (2, 'milk'), (3, 'bread');
"""


def _shown(page: str) -> list[str]:
    return [block.text for block in blocks(DOCS / page) if block.language == "text"]


def _holds(text: str, printed: str) -> None:
    demand(Shown("", (), tuple(line for line in text.splitlines() if line.strip())), printed)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_that_shows_output_is_held_to_it_by_a_test(page: Path) -> None:
    shown = [block for block in blocks(page) if block.language in ("text", "console")]
    if not shown or page.parent.name in _FAMILIES or page.name in ("files.md", "plan.md"):
        return  # a picture of folders; plan.md has tests of its own
    text = (ROOT / "tests" / _HELD[page.name]).read_text(encoding="utf-8")
    assert page.name in text or page.stem in text


def test_the_guard_stops_a_step_in_the_words_of_its_page(migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(
        {
            "0001_chat.sql": CHAT
            + "INSERT INTO messages VALUES ('a', 1, ''), ('b', 1, ''), ('c', 1, ''), ('d', 2, '');\n",
            "0002_merge.sql": "-- sessmig: may-lose sessions\n" + "\n" * 10 + "DELETE FROM sessions WHERE id = 1;\n",
        }
    )
    done = cli("migrate", "--db", "app.db", "--dir", "shop", cwd=folder.parent)
    assert done.returncode == 3
    _holds(_shown("guard.md")[0], done.stderr)


def test_the_effects_of_a_step_are_told_as_the_guards_page_shows(migrations: WriteMigrations, cli: Cli) -> None:
    step = (
        "-- sessmig: may-lose messages, sessions\n"
        "INSERT INTO messages VALUES ('e', 2, ''), ('f', 2, ''), ('g', 3, '');\n"
        "UPDATE messages SET body = 'x' WHERE id IN ('e', 'f');\n"
        "DELETE FROM messages WHERE id = 'a';\n\n\n\n"
        "DELETE FROM sessions WHERE id = 1;\n"
    )
    rows = "INSERT INTO messages VALUES ('a', 1, ''), ('b', 1, ''), ('c', 1, ''), ('d', 2, '');\n"
    folder = migrations({"0001_chat.sql": CHAT + rows, "0002_step.sql": step})
    done = cli("migrate", "--db", "app.db", "--dir", "shop", cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    _holds(_shown("guard.md")[1], done.stdout)


def test_a_rehearsal_that_held_says_what_its_page_shows(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "0034_merge_webui_sessions.sql").write_text("CREATE TABLE a (x INTEGER);\n")
    (tmp_path / "shop" / "0034_merge_webui_sessions.rollback.sql").write_text("DROP TABLE a;\n")
    done = cli("rehearse", "--db", "app.db", "--dir", "shop")
    assert done.returncode == 0, done.stderr
    _holds(_shown("rehearse.md")[0], done.stdout)


def test_a_rollback_that_leaves_something_behind_is_told_as_the_page_shows(
    migrations: WriteMigrations, cli: Cli
) -> None:
    files = {
        "0002_notes.sql": "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);\n"
        "INSERT INTO notes VALUES (1, ''), (2, ''), (3, '');\n"
    }
    folder = migrations(files)
    assert cli("migrate", "--db", "app.db", "--dir", "shop", cwd=folder.parent).returncode == 0
    tags = "CREATE TABLE tags (id INTEGER);\nCREATE INDEX idx_notes_body ON notes (body);\n"
    tags += "INSERT INTO notes VALUES (4, '');\n"
    migrations({"0003_tags.sql": tags, "0003_tags.rollback.sql": "DROP TABLE tags;\n"})
    done = cli("rehearse", "--db", "app.db", "--dir", "shop", cwd=folder.parent)
    assert done.returncode == 3
    _holds(_shown("rehearse.md")[1], done.stdout + done.stderr)


def test_the_locks_of_a_rehearsal_are_those_that_the_page_shows(cli: Cli, new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url()
    with connect(url) as connection:
        for path in sorted((ROOT / "sql" / "webui_sessions" / "legacy").glob("postgres*.sql")):
            connection.execute(path.read_bytes())
    done = cli("rehearse", "-d", url, "--dir", ROOT / "sql" / "webui_sessions")
    assert done.returncode == 0, done.stderr
    listed = "\n".join(sorted(re.findall(r"^ +0034_merge_webui_sessions  .*$", done.stdout, flags=re.MULTILINE)))
    for line in _shown("rehearse.md")[2].splitlines()[2:]:
        _holds(line, listed)
