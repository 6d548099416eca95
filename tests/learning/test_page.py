"""docs/series/learning_sessions.md shows only what was run: every command of it is run here, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.learning import legacy
from tests.learning.legacy import opened
from tests.pages import ROOT, Shown, demand, run, shown

Probes = Callable[[str], Probe]

PAGE = ROOT / "docs" / "series" / "learning_sessions.md"


@contextmanager
def _reading(url: str) -> Iterator[None]:
    with opened(url) as reader:
        reader.execute("SET application_name = 'night report'")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM learning_messages")
        yield


def test_every_command_of_the_page_prints_what_the_page_shows(
    postgres_url: str, postgres_server: PostgresServer, probe: Probes
) -> None:
    legacy.build_sample(postgres_url)
    role = postgres_server.new_role()
    database = probe(postgres_url)
    before: dict[str, Callable[[], object]] = {
        "Where users have written into the new columns": lambda: _migrated(
            "UPDATE learning_sessions SET mode = 'QA' WHERE id = 'ls-01'"
        ),
        "Permission denied": lambda: _start_again(role),
        "A failing check": lambda: _migrated("UPDATE learning_messages SET role = 'bot' WHERE id = 'lm-10'"),
    }

    def _migrated(*statements: str) -> None:
        legacy.carry_out(postgres_url, to=4)
        for statement in statements:
            database.execute(statement)

    def _start_again(role: str) -> None:
        database.execute("UPDATE learning_sessions SET mode = DEFAULT")
        legacy.take_back(postgres_url, 0)
        database.execute(f'GRANT CREATE ON SCHEMA public TO "{role}"')
        database.execute(f'GRANT ALL ON ALL TABLES IN SCHEMA public TO "{role}"')

    def _prepared(one: Shown, seen: list[Shown]) -> dict[str, Any]:
        if one.heading in before:
            before.pop(one.heading)()
        if one.heading == "Run" and any(other.heading == "Run" for other in seen):
            database.execute("UPDATE schema_migrations SET applied_at = applied_at - INTERVAL '14 days'")
        other = one.heading == "Permission denied"
        url = postgres_server.url(postgres_url, user=role) if other else postgres_url
        return {"SESSMIG_DATABASE": url, "SESSMIG_DIR": "sql/learning_sessions"}

    seen: list[Shown] = []
    for one in shown(PAGE):
        environment = _prepared(one, seen)
        with _reading(postgres_url) if one.heading.startswith("Locked") else nullcontext():
            printed = run(one, environment)
        demand(one, printed)
        seen.append(one)
    assert not before
    assert len(seen) == 11


def test_the_page_says_what_an_operator_asks() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "What it does",
        "Before you start",
        "Preview",
        "Run",
        "Verify",
        "What the figures mean",
        "Roll back",
        "Clean up after the retention",
        "Troubleshooting",
    ]
    what = text.partition("## What it does\n\n")[2].partition("\n\n")[0]
    assert len(what.splitlines()) == 5


def test_the_statements_that_the_page_gives_to_go_on_do_that(postgres_url: str, probe: Probes) -> None:
    legacy.build_sample(postgres_url)
    start = probe(postgres_url).snapshot()
    legacy.carry_out(postgres_url, to=2)
    database = probe(postgres_url)
    database.execute("UPDATE learning_sessions SET mode = 'QA' WHERE id = 'ls-01'")
    database.execute("""UPDATE learning_messages SET metadata = '{"a": 1}' WHERE id = 'lm-01'""")
    text = PAGE.read_text(encoding="utf-8")
    for statement in (
        "CREATE TABLE learning_fields_kept AS SELECT id, type, status, mode FROM learning_sessions",
        "UPDATE learning_sessions SET type = DEFAULT, status = DEFAULT, mode = DEFAULT",
        "UPDATE learning_messages SET metadata = DEFAULT",
    ):
        assert f"`{statement}`" in text
        database.execute(statement)
    legacy.take_back(postgres_url)
    assert database.value("SELECT mode::text FROM learning_fields_kept WHERE id = 'ls-01'") == "QA"
    database.execute("DROP TABLE learning_fields_kept")
    legacy.take_back(postgres_url)
    assert database.snapshot() == start
