"""A network on loopback with faults in it: between a client and a PostgreSQL server, counted by requests and bytes.

It runs in one thread beside the run that it serves. Knows the frames of the protocol, and nothing of what is said.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.faults.child import HANGS, Child, Ended

_LINGER = struct.pack("ii", 1, 0)
_ENDS = b"QSXpcf"
"""The frames that end what a client says before it listens: query, sync, terminate, password, end of a copy."""


@dataclass(slots=True, eq=False)
class Link:
    """One connection, both ways."""

    client: socket.socket
    server: socket.socket
    asked: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)
    pid: int = 0
    """The server's process."""
    is_begun: bool = False
    deaf: bool = False
    """What the server says does not reach the client any more."""
    waiting: Callable[[], None] | None = None
    """What is to be done when the server is ready again."""
    held_until: float = 0.0


@dataclass(slots=True)
class Plan:
    """What is to happen, and when.

    Args:
        at: at which request, from 1, over all connections.
        act: what is done there; gets the proxy and the link. True lets the request go on to the server.
        when: `before` the request is sent on; `behind` it, when it was; or `answered`, when the server is done with it.
        cut: instead, after so many bytes to the server.
        cut_answers: instead, after so many bytes from the server.
    """

    at: int = 0
    act: Callable[[Proxy, Link], None] | None = None
    when: str = "before"
    cut: int = 0
    cut_answers: int = 0


class Proxy:
    """Listens on a port of loopback for one run."""

    def __init__(self, server: tuple[str, int], plan: Plan | None = None) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port: int = self.listener.getsockname()[1]
        self.plan = plan or Plan()
        self.requests = 0
        self.sent = 0
        self.received = 0
        self.met = False
        self.refusing = False
        self.child: Child | None = None
        self._server = server
        self.links: list[Link] = []

    def serve(self, child: Child, limit: float = HANGS) -> Ended:
        """Carry what is said till the run has ended."""
        self.child = child
        deadline = time.monotonic() + limit
        try:
            while True:
                now = time.monotonic()
                if now >= deadline:
                    os.kill(child.pid, signal.SIGKILL)
                    return child.reaped(hung=True)
                held = [link.held_until - now for link in self.links if link.held_until > now]
                for one in [link for link in self.links if 0 < link.held_until <= now]:
                    one.held_until = 0.0
                    self._ask(one)
                ready = select.select(self._readers(child), [], [], min([deadline - now, *held]))[0]
                if child.watch in ready:
                    return child.reaped()
                self._carry(ready)
        finally:
            self.close()

    def _readers(self, child: Child) -> list[int | socket.socket]:
        found: list[int | socket.socket] = [child.watch]
        found += [] if self.refusing else [self.listener]
        for link in self.links:
            found += [link.server] if link.held_until else [link.client, link.server]
        return found

    def _carry(self, ready: list[int | socket.socket]) -> None:
        if self.listener in ready:
            self._accept()
        for link in list(self.links):
            if link.client in ready and link in self.links:
                self._from_client(link)
            if link.server in ready and link in self.links:
                self._from_server(link)

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        try:
            self.links.append(Link(client, socket.create_connection(self._server)))
        except OSError:  # the server is down
            client.close()

    def _from_client(self, link: Link) -> None:
        try:
            data = link.client.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.end(link)
            return
        link.asked += data
        self._ask(link)

    def _ask(self, link: Link) -> None:
        """Send on, request by request."""
        while link in self.links and not link.held_until and (size := _request(link)):
            here = self.requests + 1 == self.plan.at
            if here and self.plan.when == "before" and not self.met:
                self._act(link)
                if link.held_until or link not in self.links:
                    return
            self.requests += 1
            link.is_begun = True
            text = bytes(link.asked[:size])
            del link.asked[:size]
            if self.plan.cut and self.sent < self.plan.cut <= self.sent + size:
                text = text[: self.plan.cut - self.sent]
                self._send(link.server, text)
                self.met = True
                self.end(link, reset=bool(self.plan.cut % 2))
                return
            self.sent += size
            if here and self.plan.when == "answered":
                link.deaf = True
                link.waiting = lambda: self._act(link)
            self._send(link.server, text)
            if here and self.plan.when == "behind":
                self._act(link)

    def _act(self, link: Link) -> None:
        self.met = True
        if self.plan.act:
            self.plan.act(self, link)

    def _from_server(self, link: Link) -> None:
        try:
            data = link.server.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.end(link)
            return
        if self.plan.cut_answers and self.received < self.plan.cut_answers <= self.received + len(data):
            self._send(link.client, data[: self.plan.cut_answers - self.received])
            self.met = True
            self.end(link, reset=bool(self.plan.cut_answers % 2))
            return
        self.received += len(data)
        link.answered += data
        is_ready = self._read_answers(link)
        if not link.deaf:
            self._send(link.client, data)
        if is_ready and link.waiting:
            act, link.waiting = link.waiting, None
            act()

    def _read_answers(self, link: Link) -> bool:
        """Look for the server's process and for `ready`."""
        is_ready = False
        while len(link.answered) >= 5:
            kind, size = chr(link.answered[0]), struct.unpack_from("!i", link.answered, 1)[0]
            if len(link.answered) < size + 1:
                break
            if kind == "K":
                link.pid = struct.unpack_from("!i", link.answered, 5)[0]
            is_ready |= kind == "Z"
            del link.answered[: size + 1]
        return is_ready

    def _send(self, sink: socket.socket, data: bytes) -> None:
        with suppress(OSError):
            sink.sendall(data)

    def end(self, link: Link, *, reset: bool = False) -> None:
        """Cut a connection, both ways; with `reset` as a router does that has forgotten it."""
        self.links.remove(link)
        for one in (link.client, link.server):
            with suppress(OSError):
                if reset:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            one.close()

    def close(self) -> None:
        """Let go of everything, as the machine of a dead client does."""
        for link in list(self.links):
            self.end(link)
        self.listener.close()


def _request(link: Link) -> int:
    """Return how many bytes the first whole request has; 0 as long as it is not whole."""
    asked, at = link.asked, 0
    if not link.is_begun:
        if len(asked) < 4 or len(asked) < struct.unpack_from("!i", asked)[0]:
            return 0
        return int(struct.unpack_from("!i", asked)[0])
    while len(asked) >= at + 5:
        kind, size = asked[at : at + 1], int(struct.unpack_from("!i", asked, at + 1)[0])
        if len(asked) < at + 1 + size:
            return 0
        at += 1 + size
        if kind in _ENDS or at > 1 << 15:
            return at
    return 0
