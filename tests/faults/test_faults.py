"""The short part of `make faults`: a few faults of each family, drawn from a seed; every promise holds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults import child, families, on_postgres, on_server, on_sqlite, together
from tests.faults.__main__ import ROOM
from tests.faults.families import Fault, some
from tests.faults.scenes import Scene
from tests.faults.verdict import Met
from tests.fixtures.postgres import PostgresServer, own_server

SEED = 9


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in memory that others may enter: some faults are met by who has no rights."""
    child.load_all()
    with tempfile.TemporaryDirectory(dir=ROOM, prefix="sessmig-faults-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _met(faults: Iterator[Fault], least: int) -> list[Met]:
    """Inject them all; each has to leave every promise standing, and enough of them have to have met something."""
    met = [found for fault in faults if (found := fault.inject())]
    broken = [f"{one.scene} | {one.kind} | {one.at}\n{one.words}\n{one.ended.output}" for one in met if one.words]
    assert broken == []
    assert len(met) >= least
    return met


def _of_kind(scenes: Iterator[Scene], kind: str) -> Iterator[Scene]:
    return (scene for scene in scenes if scene.ground.series.kind == kind)


def test_sqlite_loses_nothing_at_any_file_operation_that_is_met(place: Path) -> None:
    met = _met(families.of_files(on_sqlite.scenes(place), some(SEED, 0.2)), 10)
    assert any(one.was_hot for one in met)


def test_sqlite_loses_nothing_where_the_machine_refuses(place: Path) -> None:
    _met(families.of_surroundings(on_sqlite.scenes(place, ("wal",)), some(SEED, 0.15)), 5)


def test_postgres_loses_nothing_behind_a_faulty_network_and_by_what_the_server_refuses(
    place: Path, postgres_server: PostgresServer
) -> None:
    met = 0
    for scene in on_postgres.scenes(place, postgres_server):
        met += len(_met(families.of_network([scene], some(SEED, 0.06)), 0))
        met += len(_met(families.of_server([scene], some(SEED, 0.05)), 0))
    assert met >= 5


def test_postgres_loses_nothing_where_it_is_killed(place: Path) -> None:
    with own_server() as server, ExitStack() as stack:
        crashing = on_server.Crashing(server, stack)
        scene = next(_of_kind(on_postgres.scenes(place, server), "batch"))
        _met(families.of_crashes([scene], crashing, some(SEED, 1)), 2)


def test_two_versions_and_sixty_four_processes_apply_each_step_once(place: Path) -> None:
    old, _ = together.older(place / "older")
    scenes = _of_kind(on_sqlite.scenes(place, ("delete",)), "no-transaction")
    _met(families.of_others(scenes, old, some(SEED, 1)), 2)
