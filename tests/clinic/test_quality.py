"""`verify --quality`: what is worth a look in the sessions, though no step stops for it."""

from __future__ import annotations

import json
import re

from tests.clinic import cases, legacy
from tests.clinic.data import DERMA, DIAGNOSIS, SERIES, derma, diagnosis, message, session, user
from tests.fixtures.processes import Cli


def _shown(cli: Cli, url: str) -> str:
    done = cli("verify", "--quality", "--database", url, "--dir", SERIES)
    assert done.returncode == 0, done.stdout + done.stderr
    return re.sub(r" {2,}", "  ", str(done.stdout))


def _warned(cli: Cli, url: str) -> dict[str, int]:
    """Return how many rows each warning found."""
    done = cli("verify", "--quality", "--json", "--database", url, "--dir", SERIES)
    assert done.returncode == 0, done.stdout + done.stderr
    checks = [check for step in json.loads(done.stdout)["steps"] for check in step["checks"]]
    return {check["name"]: check["total"] for check in checks if check["outcome"] == "warned"}


def test_each_quality_warning_names_its_sessions(database_url: str, cli: Cli) -> None:
    legacy.build(
        database_url,
        {
            "users": [user()],
            "sessions": [session("stateless", agent_state=None), session("talkative")],
            "messages": [message("stateless"), message("talkative")],
            DERMA: [
                derma("silent", "[]"),
                derma("aimless", cases.said(cases.OK), chief_complaint=""),
                derma("clueless", cases.said(cases.OK), chief_complaint=None),
                derma("fine", cases.said(cases.OK)),
            ],
            DIAGNOSIS: [diagnosis("well", cases.said(cases.OK))],
        },
    )
    legacy.migrate(database_url)
    shown = _shown(cli, database_url)
    for line in ("dermatology  4", "general  1", "cardiology  2"):
        assert f"  {line}\n" in shown, shown
    for name in ("stateless", "silent", "aimless", "clueless"):
        assert re.search(rf"^ +{name}\b", shown, re.MULTILINE), (name, shown)
    for name in ("fine", "well", "talkative"):
        assert not re.search(rf"^ +{name}\b", shown, re.MULTILINE), (name, shown)


def test_quality_warnings_count_and_stop_nothing(database_url: str, cli: Cli) -> None:
    legacy.build(
        database_url,
        {
            "users": [user()],
            "sessions": [session(f"stateless {n}", agent_state=None) for n in range(3)],
            DERMA: [derma(f"aimless {n}", chief_complaint="") for n in range(7)],
        },
    )
    legacy.migrate(database_url)
    found = _warned(cli, database_url)
    assert {count for name, count in found.items() if "agent_state" in name} == {3}
    assert {count for name, count in found.items() if "without messages" in name} == {10}
    assert {count for name, count in found.items() if "chief complaint" in name} == {7}
    assert {count for name, count in found.items() if "agent_type" in name} == {2}


def test_array_text_that_is_no_json_is_a_warning_and_kept_as_text(sqlite_url: str) -> None:
    text = "['user: hi', it''s 好的]"
    legacy.build(sqlite_url, {"users": [user()], DERMA: [derma("d-1", text)], DIAGNOSIS: [diagnosis("g-1", text)]})
    report = legacy.migrate(sqlite_url)
    warned = [c for c in report.steps[2].checks if c.verb == "warn" and "JSON" in c.name and c.outcome == "warned"]
    assert [check.total for check in warned] == [2]
    assert {legacy.state(sqlite_url, name)["original_messages"] for name in ("d-1", "g-1")} == {text}
    assert legacy.look(sqlite_url)["messages"] == []
