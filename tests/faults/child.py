"""Runs the command line in a forked process that can be met by a fault. Knows nothing of faults and databases.

A fork of a process that has everything loaded takes a few milliseconds; a new Python takes 200.
"""

from __future__ import annotations

import ast
import gc
import importlib
import os
import pkgutil
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import sessmig

HANGS = 40.0
"""Seconds after which a run that was told to wait for one second at most is called hung."""
_STEERING = ("SESSMIG_", "PG", "DATABASE_URL", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLUMNS")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its exit code (negative: the signal), and all that it said."""

    code: int
    output: str
    hung: bool = False
    seconds: float = 0.0


@dataclass(slots=True)
class Child:
    """A run on its way."""

    pid: int
    log: Path
    began: float
    watch: int
    """A file descriptor that is readable as soon as the process has ended."""

    def wait(self, limit: float = HANGS) -> Ended:
        """Wait until it ends; what does not is killed, and told as hung."""
        hung = not select.select([self.watch], [], [], limit)[0]
        if hung:
            os.kill(self.pid, signal.SIGKILL)
        return self.reaped(hung=hung)

    def reaped(self, *, hung: bool = False) -> Ended:
        """Take leave of a process that has ended."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self.watch)
        said = self.log.read_text(encoding="utf-8", errors="replace")
        return Ended(os.waitstatus_to_exitcode(status), said, hung, time.monotonic() - self.began)


def load_all() -> None:
    """Import all of sessmig and the driver, once, so that no child has to."""
    for module in pkgutil.walk_packages(sessmig.__path__, "sessmig."):
        if module.name not in ("sessmig.__main__", "sessmig.pytest_plugin"):
            importlib.import_module(module.name)
    for name in ("psycopg", "getpass", "_strptime", "gzip", "tempfile", "shutil", "platform", "socket", *_imported()):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what stands now is never looked through again, neither here nor in a child


def _imported() -> set[str]:
    """Return what sessmig imports of Python's own, also where it does so only when it is needed."""
    trees = (ast.parse(path.read_bytes()) for path in Path(sessmig.__path__[0]).rglob("*.py"))
    nodes = [node for tree in trees for node in ast.walk(tree)]
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name for name in found if name.partition(".")[0] in sys.stdlib_module_names}


def started(
    arguments: Sequence[str | Path],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    prepare: Callable[[], None] | None = None,
    work: Callable[[Sequence[str]], int] | None = None,
) -> Child:
    """Start a command in a fork of this process.

    Args:
        arguments: of the command line.
        log: where its output goes, both streams; its folder is the working directory.
        environment: what its environment has besides.
        prepare: called in the child before the command, to plant a fault.
        work: what is done there in place of the command line.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _live(list(map(str, arguments)), log, dict(environment or {}), prepare, work)
    return Child(pid, log, time.monotonic(), os.pidfd_open(pid))


def _live(
    arguments: list[str],
    log: Path,
    environment: dict[str, str],
    prepare: Callable[[], None] | None,
    work: Callable[[Sequence[str]], int] | None,
) -> NoReturn:
    code = 70
    try:
        gc.disable()  # what the parent has left must not be closed here: a connection would say good-bye
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        for heard, way in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
            signal.signal(heard, way)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, source in ((0, nothing), (1, output), (2, output)):
            os.dup2(source, number)
        os.closerange(3, 1024)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", closefd=False)
        os.chdir(log.parent)
        for name in [name for name in os.environ if name.startswith(_STEERING)]:
            del os.environ[name]
        os.environ.update(environment)
        from sessmig import cli

        if prepare:
            prepare()
        code = (work or cli.main)(arguments)
        sys.stdout.flush()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)
