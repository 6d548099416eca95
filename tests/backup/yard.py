"""One database, its backups and the commands on it. Knows nothing of how they are made."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

ROWS = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO people (id, name)
WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 40) SELECT x, 'person ' || x FROM n;
"""
FILES = {"0001_pets.sql": "CREATE TABLE pets (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL);\n"}
BAD = {"0002_bad.sql": "SELECT nix;\n"}


@dataclass(slots=True)
class Yard:
    """A database and its surroundings."""

    url: str
    series: Path
    folder: Path
    cli: Cli
    probes: Callable[[str], Probe]
    env: dict[str, str]
    probe: Probe = field(init=False)

    def __post_init__(self) -> None:
        self.probe = self.probes(self.url)

    @property
    def file(self) -> Path:
        """The file of a SQLite database."""
        return Path(self.url.removeprefix("sqlite:///"))

    def run(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command on the database, with the folder for backups; whatever the exit code."""
        place = {"SESSMIG_DATABASE": self.url, "SESSMIG_DIR": str(self.series), "SESSMIG_BACKUP_DIR": str(self.folder)}
        return self.cli(*arguments, env={**place, **self.env, **(env or {})})

    def done(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> str:
        """Run a command that has to succeed, and return what it printed."""
        ended = self.run(*arguments, env=env)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def backup(self, *arguments: str) -> Path:
        """Make a backup by the command of that name; return its path."""
        return Path(json.loads(self.done("backup", "--json", *arguments))["backup"]["path"])

    @property
    def backups(self) -> list[Path]:
        """The backups that stand in the folder, without what stands beside them."""
        return sorted(path for path in self.folder.iterdir() if not path.name.endswith(".sha256"))

    def logged(self, action: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the outcome and the details of each of the log's rows of an action."""
        query = f"SELECT outcome, CAST(detail AS TEXT) FROM schema_migrations_log WHERE action = '{action}' ORDER BY id"
        return [(outcome, json.loads(detail)) for outcome, detail in self.probe.rows(query)]

    def state(self) -> dict[str, Any]:
        """Schema and rows, without the ledger; to be compared."""
        found = self.probe.snapshot()
        return {part: found[part] for part in ("schema", "rows")}
