"""The bench's machinery, on real contenders and databases; no time is asserted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.bench import beside, installing, racing
from tests.bench.contenders import Contender, Environment, Place, Pyfloor, Sessmig
from tests.bench.measuring import measured
from tests.bench.scenarios import ALONE, SCENARIOS, Scenario, Target

_TINY = Scenario(
    "tiny", "3 migrations", 3, "whole", True, (Sessmig(), Pyfloor()), dict.fromkeys(beside.DIALECTS, Target(1.5))
)


class _Lazy(Contender):
    """Applies the first migration only, and says that all is well."""

    name = "lazy"

    def command(self, place: Place) -> list[str]:
        return ["sqlite3", place.database, f".read {place.files()[0]}"]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """The environment that the tests run in, where those of the bench are expected."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / ".venv").symlink_to(sys.prefix)
    return Environment(tmp_path / "bench")


def _raced(contenders: list[Contender], environment: Environment, folder: Path) -> dict[str, racing.Figure]:
    folder.mkdir()
    with racing.databases("sqlite", folder) as fresh:
        return racing.race(_TINY, contenders, environment, fresh, folder, 2)


@pytest.mark.parametrize("dialect", beside.DIALECTS)
def test_a_part_of_the_bench_runs_for_real_and_writes_its_page(
    dialect: str,
    environment: Environment,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    chosen = ["--only", "startup", "--dialect", dialect, "--contender", "sessmig", "pyfloor", "--rounds", "1"]
    beside.main([*chosen, "--environment", environment.folder.name, "--page", str(page)])
    text = page.read_text("utf-8")
    name = {"sqlite": "SQLite", "postgres": "PostgreSQL"}[dialect]
    (row,) = [
        line for line in text.splitlines() if line.startswith(f"| nothing pending of 100, whole process | {name}")
    ]
    assert row in capsys.readouterr().out
    assert " × | " in row
    assert f"### Nothing pending of 100, whole process: {name}" in text
    kept = json.loads((environment.folder / "figures" / f"startup-{dialect}.json").read_text("utf-8"))
    assert {one: (figure["fault"], figure["runs"]) for one, figure in kept.items()} == {
        "sessmig": ("", 1),
        "pyfloor": ("", 1),
    }
    beside.main(["--again", "--note", "others worked", "--environment", str(environment.folder), "--page", str(page)])
    assert row in page.read_text("utf-8")
    assert "- others worked\n" in page.read_text("utf-8")
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text


def test_who_has_not_done_what_it_says_gets_no_figure(environment: Environment, tmp_path: Path) -> None:
    found = _raced([Pyfloor(), _Lazy()], environment, tmp_path / "race")
    assert found["lazy"].fault == "4 tables and indexes are not there"
    assert found["lazy"].seconds == 0
    assert (found["pyfloor"].fault, found["pyfloor"].runs) == ("", 2)


def test_who_is_too_slow_is_ended_and_noted(tmp_path: Path) -> None:
    assert measured(["sleep", "60"], tmp_path, timeout=0.2).fault == "timed out (0 s)"


def test_who_fails_is_noted_with_its_last_words(tmp_path: Path) -> None:
    run = measured(
        [sys.executable, "-c", "import sys; print('so far', flush=True); sys.exit('no such thing')"], tmp_path
    )
    assert run.fault == "failed: no such thing"


def test_who_could_not_be_installed_is_listed_with_the_reason(environment: Environment) -> None:
    (environment.folder / "absent.json").write_text('{"dbmate": "absent: no npm here"}', "utf-8")
    startup = SCENARIOS[0]
    assert installing.absent(environment, startup.contenders)["dbmate"] == "absent: no npm here"
    figures = beside.measure(startup, "sqlite", environment, 1, ["dbmate"])
    assert {name: figure.fault for name, figure in figures.items()} == {"dbmate": "absent: no npm here"}


def test_every_scenario_names_targets_for_both_databases_and_its_floor_takes_part() -> None:
    for scenario in SCENARIOS:
        assert scenario.targets.keys() == set(beside.DIALECTS)
        for target in scenario.targets.values():
            names = {contender.name for contender in scenario.contenders} | {ALONE}
            assert target.floor in names
