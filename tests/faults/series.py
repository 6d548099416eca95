"""The steps that faults are injected into, one small series for each kind; and by hand, all states that may be met.

A series is a setup and one step of its kind. Its statements stand here as units: what is one commit is one unit, and
the states between the units are the legal ones. Knows nothing of faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

ROWS = 40
SETUP = f"""CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    body TEXT NOT NULL
);
INSERT INTO people (id, name)
WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT x, 'person ' || x FROM n;
INSERT INTO messages (id, person, body)
WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {ROWS})
SELECT x, 1 + x % 5, 'message ' || x FROM n;
"""
SETUP_FILES = {"0001_setup.sql": SETUP}


@dataclass(frozen=True)
class Series:
    """A step of one kind, in one dialect.

    Args:
        kind: `plain`, `batch`, `no-transaction` or `rebuild`.
        head: its directives.
        units: its statements; of a batch statement, `{0}` stands for the condition of a range.
        back_head, back: the same of its rollback.
        verify: its verify file.
        is_staged: each unit is a commit of its own.
    """

    kind: str
    head: str
    units: tuple[str, ...]
    back_head: str
    back: tuple[str, ...]
    verify: str
    is_staged: bool = False
    is_staged_back: bool = False

    @cached_property
    def files(self) -> dict[str, str]:
        """The files of the series."""
        range_ = "id BETWEEN :first AND :last"
        return {
            "0001_setup.sql": SETUP,
            "0002_step.sql": self.head + "".join(f"{unit};\n" for unit in self.units).replace("{0}", range_),
            "0002_step.verify.sql": self.verify,
            "0002_step.rollback.sql": self.back_head + "".join(f"{unit};\n" for unit in self.back),
        }

    @cached_property
    def forth(self) -> tuple[str, ...]:
        """What one commit after the other does by hand; a batch statement row by row, as batches are of any size."""
        if not self.is_staged:
            return ("".join(f"{unit};\n" for unit in self.units),)
        found: list[str] = []
        for unit in self.units:
            statement = unit.partition("\n")[2]
            batches = [statement.replace("{0}", f"id = {n}") for n in range(1, ROWS + 1)]
            found += batches if "{0}" in unit else [unit]
        return tuple(found)

    @cached_property
    def backward(self) -> tuple[str, ...]:
        """The same of the rollback."""
        return self.back if self.is_staged_back else ("".join(f"{unit};\n" for unit in self.back),)

    def place(self, done: int, rows: int) -> int:
        """Which of the states stands when so many statements are done, and of a batch statement so many rows."""
        batch = next((n for n, unit in enumerate(self.units) if "{0}" in unit), None)
        if batch is None or done < batch:
            return done
        return batch + rows if done == batch else done - 1 + ROWS


def series(dialect: str) -> dict[str, Series]:
    """The series of a dialect, by their kinds."""
    found = [PLAIN, BATCH, *(SQLITE if dialect == "sqlite" else POSTGRES)]
    return {one.kind: one for one in found}


PLAIN = Series(
    "plain",
    "-- sessmig: may-lose people.name\n",
    (
        "CREATE TABLE archive (id INTEGER PRIMARY KEY, body TEXT NOT NULL)",
        "INSERT INTO archive (id, body) SELECT id, body FROM messages",
        "ALTER TABLE people ADD COLUMN full_name TEXT",
        "UPDATE people SET full_name = name",
        "ALTER TABLE people DROP COLUMN name",
        "CREATE INDEX archive_body ON archive (body)",
    ),
    "-- sessmig: may-lose archive, people.full_name\n",
    (
        "DROP TABLE archive",
        "ALTER TABLE people ADD COLUMN name TEXT NOT NULL DEFAULT ''",
        "UPDATE people SET name = full_name",
        "ALTER TABLE people DROP COLUMN full_name",
    ),
    "-- merge: messages into archive on id comparing body\n\n"
    "-- check: everybody has a name\nSELECT id FROM people WHERE full_name IS NULL;\n\n"
    f"-- check: all are there\n-- expect: {ROWS}\nSELECT count(*) FROM archive;\n",
)
BATCH = Series(
    "batch",
    "",
    (
        "CREATE TABLE copies (id INTEGER PRIMARY KEY, body TEXT NOT NULL)",
        "-- sessmig: batch messages by id size 9\n"
        "INSERT INTO copies (id, body) SELECT id, body FROM messages WHERE {0}",
        "CREATE INDEX copies_body ON copies (body)",
    ),
    "-- sessmig: may-lose copies\n",
    ("DROP TABLE copies",),
    f"-- merge: messages into copies on id comparing body\n\n"
    f"-- check: all are there\n-- expect: {ROWS}\nSELECT count(*) FROM copies;\n",
    is_staged=True,
)
_ALONE = "-- sessmig: no-transaction\n"
_NOTED = f"-- check: noted\n-- expect: {ROWS}\nSELECT count(*) FROM notes;\n"
SQLITE = (
    Series(
        "no-transaction",
        _ALONE,
        (
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)",
            "VACUUM",
            "INSERT INTO notes (id, body) SELECT id, body FROM messages",
            "CREATE INDEX notes_body ON notes (body)",
        ),
        f"{_ALONE}-- sessmig: may-lose notes\n",
        ("DROP INDEX notes_body", "DROP TABLE notes", "VACUUM"),
        _NOTED,
        is_staged=True,
        is_staged_back=True,
    ),
    Series(
        "rebuild",
        "-- sessmig: foreign-keys-off\n",
        (
            "CREATE TABLE people_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''))",
            "INSERT INTO people_new (id, name) SELECT id, name FROM people",
            "DROP TABLE people",
            "ALTER TABLE people_new RENAME TO people",
        ),
        "-- sessmig: foreign-keys-off\n",
        (
            "CREATE TABLE people_old (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
            "INSERT INTO people_old (id, name) SELECT id, name FROM people",
            "DROP TABLE people",
            "ALTER TABLE people_old RENAME TO people",
        ),
        "-- check: nobody lost a message\n-- expect: 40\nSELECT count(*) FROM messages;\n",
    ),
)
POSTGRES = (
    Series(
        "no-transaction",
        _ALONE,
        (
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)",
            "INSERT INTO notes (id, body) SELECT id, body FROM messages",
            "CREATE INDEX CONCURRENTLY notes_body ON notes (body)",
            "VACUUM notes",
        ),
        f"{_ALONE}-- sessmig: may-lose notes\n",
        ("DROP INDEX CONCURRENTLY notes_body", "DROP TABLE notes"),
        _NOTED,
        is_staged=True,
        is_staged_back=True,
    ),
    Series(
        "rebuild",
        "",
        (
            "CREATE TABLE people_new (id INTEGER NOT NULL, name TEXT NOT NULL CHECK (name <> ''))",
            "INSERT INTO people_new (id, name) SELECT id, name FROM people",
            "ALTER TABLE messages DROP CONSTRAINT messages_person_fkey",
            "DROP TABLE people",
            "ALTER TABLE people_new RENAME TO people",
            "ALTER TABLE people ADD CONSTRAINT people_key PRIMARY KEY (id)",
            "ALTER TABLE messages ADD CONSTRAINT messages_person_fkey\n"
            "    FOREIGN KEY (person) REFERENCES people (id) ON DELETE CASCADE",
        ),
        "",
        (
            "CREATE TABLE people_old (id INTEGER NOT NULL, name TEXT NOT NULL)",
            "INSERT INTO people_old (id, name) SELECT id, name FROM people",
            "ALTER TABLE messages DROP CONSTRAINT messages_person_fkey",
            "DROP TABLE people",
            "ALTER TABLE people_old RENAME TO people",
            "ALTER TABLE people ADD CONSTRAINT people_key PRIMARY KEY (id)",
            "ALTER TABLE messages ADD CONSTRAINT messages_person_fkey\n"
            "    FOREIGN KEY (person) REFERENCES people (id) ON DELETE CASCADE",
        ),
        "-- check: nobody lost a message\n-- expect: 40\nSELECT count(*) FROM messages;\n",
    ),
)
