"""docs/series/ai_chat.md shows only what was run: every command of it is run here, in its order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest

from tests.ai_chat import system
from tests.fixtures import postgres
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.pages import ROOT, demand, run, shown

Probes = Callable[[str], Probe]
pytestmark = pytest.mark.postgres

PAGE = ROOT / "docs" / "series" / "ai_chat.md"
TEXT = PAGE.read_text(encoding="utf-8")


@contextmanager
def _writing(url: str) -> Iterator[None]:
    with postgres.connect(url) as writer:
        writer.execute("SET application_name = 'night import'")
        writer.execute("BEGIN")
        writer.execute("INSERT INTO users (id, username, email) VALUES (77, 'night', 'import')")
        yield
        writer.execute("ROLLBACK")


def test_every_command_of_the_page_prints_what_the_page_shows(
    postgres_url: str, postgres_server: PostgresServer, probe: Probes
) -> None:
    system.build(postgres_url, "1_schema", "2_sample")
    database, role = probe(postgres_url), postgres_server.new_role()

    def written() -> None:
        system.migrate(postgres_url)
        database.execute(system.CONVERSATION)

    def forbidden() -> None:
        database.execute(
            f'REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO "{role}";'
            f'GRANT ALL ON ALL TABLES IN SCHEMA public TO "{role}"; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO '
            f'"{role}"; REVOKE REFERENCES ON users FROM "{role}"'
        )

    before: dict[str, Callable[[], None]] = {
        "Where the tables hold rows": written,
        "Permission denied": forbidden,
        "A failing check": lambda: database.execute("ALTER TABLE users RENAME TO accounts"),
    }
    commands = list(shown(PAGE))
    for one in commands:
        if one.heading in before:
            before.pop(one.heading)()
        other = one.heading == "Permission denied"
        url = postgres_server.url(postgres_url, user=role) if other else postgres_url
        environment = {"SESSMIG_DATABASE": url, "SESSMIG_DIR": "sql/ai_chat"}
        with _writing(postgres_url) if one.heading.startswith("Locked") else nullcontext():
            printed = run(one, environment)
        demand(one, printed)
    assert not before
    assert len(commands) == 12


def test_the_page_says_what_an_operator_asks() -> None:
    assert re.findall(r"^## (.*)", TEXT, flags=re.MULTILINE) == [
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
    assert len(TEXT.partition("## What it does\n\n")[2].partition("\n\n")[0].splitlines()) == 5


def test_the_grants_that_the_page_gives_are_enough(
    postgres_url: str, postgres_server: PostgresServer, probe: Probes
) -> None:
    system.build(postgres_url)
    role = postgres_server.new_role()
    grants = re.findall(r"`(GRANT [^`]+ TO) \.\.\.`", TEXT)
    assert len(grants) == 2
    probe(postgres_url).execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    probe(postgres_url).execute(";".join(f'{grant} "{role}"' for grant in grants))
    probe(postgres_url).execute(f'GRANT USAGE ON SCHEMA public TO "{role}"')
    report = system.migrate(postgres_server.url(postgres_url, user=role))
    assert [step.title for step in report.steps] == system.TITLES
