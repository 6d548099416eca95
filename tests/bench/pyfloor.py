"""The floor: the least that Python can do to migrate a database. No proof, no report, no word when it goes wrong.

It lists the files, hashes them, locks, sends each in one transaction as one query, and writes a history row with it.
`python tests/bench/pyfloor.py DATABASE FOLDER [--single-transaction]`, with a path or a postgresql:// URL.
"""

from __future__ import annotations

import hashlib
import os
import sys

HISTORY = "CREATE TABLE IF NOT EXISTS history (name TEXT PRIMARY KEY, hash TEXT NOT NULL)"
KEY = 5_231_977

File = tuple[str, str, bytes]
"""Name, hash, bytes."""


def read(folder: str) -> list[File]:
    """Return the files of a folder, in their order."""
    files = []
    for name in sorted(name for name in os.listdir(folder) if name.endswith(".sql")):
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        files.append((name, hashlib.sha256(data).hexdigest(), data))
    return files


def pending(files: list[File], done: dict[str, str]) -> list[File]:
    """Return the files that are not done yet; one that has changed since is an error."""
    changed = [name for name, digest, _ in files if done.get(name, digest) != digest]
    if changed:
        sys.exit(f"changed: {changed}")
    return [file for file in files if file[0] not in done]


def transactions(todo: list[File], *, single: bool) -> list[str]:
    """Return what is sent: each file with its history row, or all of them together."""
    scripts = [f"{data.decode()}\n;INSERT INTO history VALUES ('{name}', '{digest}');\n" for name, digest, data in todo]
    return ["".join(scripts)] if single and scripts else scripts


def on_sqlite(path: str, folder: str, *, single: bool = False) -> int:
    """Migrate a SQLite file."""
    import sqlite3

    files = read(folder)
    db = sqlite3.connect(path, isolation_level=None, timeout=60)
    try:
        done: dict[str, str] = dict(db.execute("SELECT name, hash FROM history"))
    except sqlite3.OperationalError:
        done = {}
    todo = pending(files, done)
    if todo:
        db.execute(HISTORY)
    for script in transactions(todo, single=single):
        db.executescript(f"BEGIN IMMEDIATE;\n{script}COMMIT;")
    db.close()
    return len(todo)


def on_postgres(url: str, folder: str, *, single: bool = False) -> int:
    """Migrate a PostgreSQL database."""
    import psycopg

    files = read(folder)
    db = psycopg.connect(url, autocommit=True)
    try:
        done: dict[str, str] = dict(db.execute("SELECT name, hash FROM history").fetchall())
    except psycopg.errors.UndefinedTable:
        done = {}
    todo = pending(files, done)
    if todo:
        db.execute(HISTORY)
    for script in transactions(todo, single=single):
        db.execute(f"BEGIN;\nSELECT pg_advisory_xact_lock({KEY});\n{script}COMMIT;".encode())
    db.close()
    return len(todo)


def migrate(database: str, folder: str, *, single: bool = False) -> int:
    """Apply what is pending, and return how many files that were."""
    return (on_postgres if database.startswith("postgresql:") else on_sqlite)(database, folder, single=single)


if __name__ == "__main__":
    print(migrate(sys.argv[1], sys.argv[2], single="--single-transaction" in sys.argv), "applied")
