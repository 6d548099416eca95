"""Faults on PostgreSQL: at each request of a run, in turn, by a network with faults in it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.faults.ground import PostgresGround
from tests.faults.proxy import Link, Plan, Proxy
from tests.faults.scenes import COMMANDS, Scene
from tests.faults.series import series
from tests.faults.verdict import BrokenError, Met
from tests.fixtures.postgres import PostgresServer, connect

STALL = 0.15
"""Seconds for which a network stalls, or a laptop sleeps."""


def _kill(proxy: Proxy, link: Link) -> None:
    assert proxy.child
    os.kill(proxy.child.pid, signal.SIGKILL)


def _drop(proxy: Proxy, link: Link) -> None:
    proxy.end(link)


def _reset(proxy: Proxy, link: Link) -> None:
    proxy.end(link, reset=True)


def _stall(proxy: Proxy, link: Link) -> None:
    link.held_until = time.monotonic() + STALL


def _refuse(proxy: Proxy, link: Link) -> None:
    """Cut every connection, and take no new one."""
    proxy.refusing = True
    proxy.listener.close()
    for one in list(proxy.links):
        proxy.end(one)


def _term(proxy: Proxy, link: Link) -> None:
    assert proxy.child
    os.kill(proxy.child.pid, signal.SIGTERM)


class Acts:
    """What is done at a request. `server` is where the run's database stands."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def terminate(self, proxy: Proxy, link: Link) -> None:
        """End the server's process of this connection, as an administrator does."""
        with connect(self._server.admin_url) as admin, suppress(psycopg.Error):
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", (link.pid,))


# kind: act, when, kills the run, the exit codes that it may have, the commands that it is done to
_Kind = tuple[Callable[[Proxy, Link], None] | str, str, bool, tuple[int, ...]]
_ACTS: dict[str, _Kind] = {
    "kill -9 before a request": (_kill, "before", True, ()),
    "kill -9 behind a request": (_kill, "behind", True, ()),
    "kill -9 before the answer": (_kill, "answered", True, ()),
    "connection dropped before a request": (_drop, "before", False, ()),
    "connection dropped before the answer": (_drop, "answered", False, ()),
    "connection reset behind a request": (_reset, "behind", False, ()),
    "network stalls": (_stall, "before", False, (0,)),
    "network gone, then refused": (_refuse, "behind", False, ()),
    "pg_terminate_backend": ("terminate", "before", False, ()),
    "SIGTERM": (_term, "behind", True, (0, 143)),
}
_ANY: tuple[int, ...] = ()
CUTS = ("torn request", "torn answer")
KINDS = (*_ACTS, *CUTS)


def scenes(place: Path, server: PostgresServer) -> Iterator[Scene]:
    """All commands on all kinds of steps."""
    for kind, one in series("postgres").items():
        ground = PostgresGround(place / f"postgres-{kind}", one, server, f"faults_{kind.replace('-', '_')}")
        ground.prepare()
        for command in COMMANDS if kind == "plain" else COMMANDS[:2]:
            scene = Scene(command, ground)
            scene.prepare()
            yield scene
        ground.drop()


def through(scene: Scene, plan: Plan | None = None) -> Proxy:
    """A network before the scene's server."""
    server = urlsplit(scene.ground.server.admin_url)  # type: ignore[attr-defined]
    return Proxy((str(server.hostname), int(server.port or 5432)), plan)


def count(scene: Scene) -> tuple[int, int, int]:
    """Return how many requests, bytes there and bytes back the command has when nothing disturbs it."""
    scene.lay()
    proxy = through(scene)
    ended = proxy.serve(scene.start(url=_by(scene, proxy)))
    if ended.code:
        raise BrokenError(f"undisturbed: {ended}")
    return proxy.requests, proxy.sent, proxy.received


def _by(scene: Scene, proxy: Proxy) -> str:
    ground = scene.ground
    assert isinstance(ground, PostgresGround)
    return ground.at("127.0.0.1", proxy.port)


def meet(scene: Scene, kind: str, at: int) -> Met | None:
    """Inject one fault, and hold what has to hold; None where the run ended before it."""
    met = Met(kind, scene.name, str(at))
    if kind in CUTS:
        plan = Plan(cut=at) if kind == CUTS[0] else Plan(cut_answers=at)
        killed, fine = False, _ANY
    else:
        act, when, killed, fine = _ACTS[kind]
        if isinstance(act, str):
            act = getattr(Acts(scene.ground.server), act)  # type: ignore[attr-defined]
        plan = Plan(at=at, act=act, when=when)
    scene.lay()
    before = scene.ground.state() if kind == "SIGTERM" else ""
    proxy = through(scene, plan)
    try:
        ended = proxy.serve(scene.start(url=_by(scene, proxy)))
        if not proxy.met:
            return None
        if kind == "SIGTERM" and ended.code < 0 and scene.ground.state() != before:
            raise BrokenError("it was at work, and died without a word")  # at its first look it may
        scene.hold(met, ended, killed=killed, fine=fine)
    except (AssertionError, psycopg.Error) as broken:
        met.words = f"{type(broken).__name__}: {broken}"
    return met
