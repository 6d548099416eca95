"""All faults there are, as families: each gives its scenes, and the faults that can be injected into one.

Knows what belongs together; how a fault is made and what holds after it, the other modules know.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.faults import on_postgres, on_server, on_sqlite, surroundings, together
from tests.faults.scenes import Scene
from tests.faults.verdict import Met
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.standby import standby

MODES = ("session", "transaction", "statement")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that can be injected: its kind, where, and how."""

    scene: str
    kind: str
    at: int
    inject: Callable[[], Met | None]

    @property
    def name(self) -> str:
        """By what it is asked for again."""
        return f"{self.scene} | {self.kind} | {self.at}"


Draw = Callable[[str, range], list[int]]
"""Which of all points are met: of a kind in a scene, out of so many."""


def drawn(seed: int, each: int) -> Draw:
    """Draw so many points of each kind in each scene, from a seed; all of them, if 0."""

    def draw(name: str, points: range) -> list[int]:
        if not each or len(points) <= each:
            return list(points)
        return sorted(random.Random(f"{seed} {name}").sample(points, each))

    return draw


def some(seed: int, share: float) -> Draw:
    """Draw one point of some of all kinds and scenes, from a seed."""

    def draw(name: str, points: range) -> list[int]:
        chance = random.Random(f"{seed} {name}")
        return [chance.choice(points)] if points and chance.random() < share else []

    return draw


def of_files(scenes: Iterable[Scene], draw: Draw) -> Iterator[Fault]:
    """Each file operation of each command on SQLite."""
    for scene in scenes:
        number = on_sqlite.count(scene)
        for kind in on_sqlite.KINDS:
            for at in draw(f"{scene.name} {kind}", range(1, number + 1)):
                yield Fault(scene.name, kind, at, partial(on_sqlite.meet, scene, kind, at))


def of_surroundings(scenes: Iterable[Scene], draw: Draw) -> Iterator[Fault]:
    """What a machine may refuse a run on SQLite."""
    for scene in scenes:
        for kind, number in surroundings.KINDS.items():
            for at in draw(f"{scene.name} {kind}", range(1, number + 1)):
                yield Fault(scene.name, kind, at, partial(surroundings.meet, scene, kind, at))
        for left in draw(f"{scene.name} disk", range(20)):
            size = left * surroundings.PAGE
            yield Fault(scene.name, surroundings.DISK, size, partial(surroundings.meet_full_disk, scene, size))


def of_network(scenes: Iterable[Scene], draw: Draw) -> Iterator[Fault]:
    """Each request of each command to a PostgreSQL server."""
    for scene in scenes:
        requests, there, back = on_postgres.count(scene)
        ends = {on_postgres.CUTS[0]: there, on_postgres.CUTS[1]: back}
        for kind in on_postgres.KINDS:
            for at in draw(f"{scene.name} {kind}", range(1, ends.get(kind, requests) + 1)):
                yield Fault(scene.name, kind, at, partial(on_postgres.meet, scene, kind, at))


def of_server(scenes: Iterable[Scene], draw: Draw) -> Iterator[Fault]:
    """What a server may refuse."""
    for scene in scenes:
        for kind, number in on_server.LIMITS.items():
            for at in draw(f"{scene.name} {kind}", range(1, number + 1)):
                yield Fault(scene.name, kind, at, partial(on_server.meet, scene, kind, at))


def of_crashes(scenes: Iterable[Scene], crashing: on_server.Crashing, draw: Draw) -> Iterator[Fault]:
    """A server that is killed."""
    for scene in scenes:
        requests = on_postgres.count(scene)[0]
        for kind in on_server.CRASHES:
            for at in draw(f"{scene.name} {kind}", range(1, requests + 1)):
                yield Fault(scene.name, kind, at, partial(on_server.meet_crash, scene, crashing, kind, at))


def of_poolers(scenes: Iterable[Scene], server: PostgresServer, pgbouncer: Pooler, draw: Draw) -> Iterator[Fault]:
    """A pooler between run and server, in each of its modes."""
    poolers = {mode: pgbouncer(server.admin_url, mode) for mode in MODES}
    for scene in scenes:
        if scene.command in ("backup", "restore"):  # they are refused behind a pooler, whatever its mode
            continue
        for mode, pooler in poolers.items():
            requests = together.count_pooled(scene, pooler)
            for kind in together.POOLED if requests else ():
                for at in draw(f"{scene.name} {kind} {mode}", range(1, requests + 1)):
                    met = partial(together.meet_pooled, scene, pooler, mode, kind, at)
                    yield Fault(scene.name, f"{kind} ({mode} mode)", at, met)


def of_standby(scenes: Iterable[Scene], server: PostgresServer, draw: Draw) -> Iterator[Fault]:
    """A server that follows another one."""
    with standby(server, server.admin_url) as following:
        for scene in scenes:
            for at in draw(f"{scene.name} standby", range(1, 2)):
                yield Fault(scene.name, "standby", at, partial(together.meet_standby, scene, following))


def of_others(scenes: Iterable[Scene], old: Path, draw: Draw) -> Iterator[Fault]:
    """Other processes that do the same at the same time; one of them may be an older version."""
    for scene in scenes:
        if scene.command != "migrate":
            continue
        kind = f"{together.CROWD} processes at once"
        for at in draw(f"{scene.name} {kind}", range(1, 3)):
            yield Fault(scene.name, kind, at, partial(together.meet_crowd, scene, at))
        for at in draw(f"{scene.name} versions", range(1, 7)):
            yield Fault(scene.name, "two versions at once", at, partial(together.meet_versions, scene, old, at))
