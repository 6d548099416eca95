"""Makes up databases and migrations of them: many lose rows, by whatever way there is, and the harmless ones lose none.

Each row has a key that no other row has, and no statement writes over one: a key that stands nowhere afterwards is a
row that was lost, whatever became of its table. Knows SQL; knows nothing of sessmig.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from random import Random

FIRST = ("item", "part", 'Odd "name', "select")
_LATER = ("copy", "made", "item_new", "Later", "t 2")
_COLUMNS = "k, n, up, v"
_SOME = ("n < 2", "n % 2 = 0", "n IS NOT NULL", "v IS NULL", "1 = 0", "k LIKE '%1'", "n > 90")


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


class Maker:
    """Makes one database, and migrations of it.

    Args:
        seed: of all that is drawn.
        is_postgres: for PostgreSQL, otherwise for SQLite.
        is_harmless: make only what loses nothing, and is known for that.
    """

    def __init__(self, seed: int, *, is_postgres: bool, is_harmless: bool) -> None:
        self._chance = Random(seed)
        self._is_postgres = is_postgres
        self._is_harmless = is_harmless
        self._numbers = count(1)
        self._names = list(FIRST)

    def keys(self) -> list[tuple[str, str]]:
        """Return the table and the key of each row that is there first."""
        return [(name, f"{name[0]}{row}") for name in FIRST for row in range(self._chance.choice((0, 1, 3, 5)))]

    def database(self, keys: Sequence[tuple[str, str]]) -> str:
        """Return the SQL of four tables with these rows, and of what reaches from one to the other."""
        lines = []
        for number, name in enumerate(FIRST):
            parent = self._chance.choice((*FIRST[:number], "")) if not self._is_harmless else ""
            action = self._chance.choice(("ON DELETE CASCADE", "ON DELETE SET NULL", ""))
            up = f"TEXT REFERENCES {quoted(parent)} (k) {action}" if parent else "TEXT"
            lines.append(self._table(name, up, self._unique()))
            above = [key for table, key in keys if table == parent]
            for row, (_, key) in enumerate(one for one in keys if one[0] == name):
                link = f"'{self._chance.choice(above)}'" if above and self._chance.random() < 0.8 else "NULL"
                lines.append(f"INSERT INTO {quoted(name)} ({_COLUMNS}) VALUES ('{key}', {row}, {link}, 'v');")
        if not self._is_harmless and self._chance.random() < 0.3:
            lines += self._trigger()
        if self._chance.random() < 0.2:
            lines.append(f"CREATE VIEW seen AS SELECT k, v FROM {quoted(self._chance.choice(FIRST))};")
        return "\n".join(lines)

    def files(self) -> dict[str, str]:
        """Return a series."""
        made = {}
        for version in range(1, self._chance.choice((1, 1, 2, 3)) + 1):
            lines = [line for _ in range(self._chance.choice((1, 1, 2, 3, 4))) for line in self._some()]
            if not self._is_postgres and self._chance.random() < 0.25:
                lines.insert(0, "-- sessmig: foreign-keys-off")
            made[f"{version:04}_step.sql"] = "\n".join((*lines, ""))
        return made

    def _some(self) -> list[str]:
        """Return a few statements that belong together."""
        harmless: list[Callable[[], list[str]]] = [
            self._insert, self._update, self._rename, self._add_column, self._rebuild, self._swap, self._fill,
            self._index,
        ]  # fmt: skip
        losing: list[Callable[[], list[str]]] = [
            self._delete, self._delete, self._drop, self._rebuild_some, self._rebuild_some, self._replace,
            self._drop_column, self._move, self._put_together, self._trigger, self._each_row, self._own, self._own,
        ]  # fmt: skip
        return self._chance.choice(harmless if self._is_harmless else harmless + losing)()

    # Names.

    def _any(self) -> str:
        return self._chance.choice(self._names)

    def _free(self) -> str:
        found = self._chance.choice(_LATER)
        return f"{found}{next(self._numbers)}" if found in self._names else found

    def _key(self) -> str:
        return f"new{next(self._numbers)}"

    def _where(self) -> str:
        return f"WHERE {self._chance.choice(_SOME)}"

    def _unique(self) -> str:
        kinds = ["", "", "UNIQUE", "UNIQUE" if self._is_postgres else "UNIQUE ON CONFLICT REPLACE"]
        return "" if self._is_harmless else self._chance.choice(kinds)

    def _table(self, name: str, up: str = "TEXT", unique: str = "") -> str:
        ending = "" if self._is_postgres else self._chance.choice(("", "", " STRICT", " WITHOUT ROWID"))
        key = "TEXT PRIMARY KEY NOT NULL"
        return f"CREATE TABLE {quoted(name)} (k {key}, n INTEGER {unique}, up {up}, v TEXT){ending};"

    # What loses nothing.

    def _insert(self) -> list[str]:
        number = next(self._numbers) + 100
        return [f"INSERT INTO {quoted(self._any())} (k, n) VALUES ('{self._key()}', {number});"]

    def _update(self) -> list[str]:
        return [f"UPDATE {quoted(self._any())} SET v = 'w' {self._where()};"]

    def _rename(self) -> list[str]:
        old, new = self._any(), self._free()
        self._names = [name for name in self._names if name != old] + [new]
        return [f"ALTER TABLE {quoted(old)} RENAME TO {quoted(new)};"]

    def _add_column(self) -> list[str]:
        table = self._any()
        if self._is_harmless:
            if len(self._names) == 1:
                return []
            self._names.remove(table)  # to make it anew would lose the column
        return [f"ALTER TABLE {quoted(table)} ADD COLUMN c{next(self._numbers)} TEXT;"]

    def _index(self) -> list[str]:
        return [f"CREATE INDEX i{next(self._numbers)} ON {quoted(self._any())} (v);"]

    def _fill(self) -> list[str]:
        old, new = self._any(), self._free()
        self._names.append(new)
        return [self._table(new), self._copy(old, new, "")]

    def _copy(self, old: str, new: str, where: str) -> str:
        return f"INSERT INTO {quoted(new)} ({_COLUMNS}) SELECT {_COLUMNS} FROM {quoted(old)} {where};"

    def _rebuild(self, where: str = "") -> list[str]:
        """Make a table anew: the new one is named last, or the old one first."""
        old, new = self._any(), self._free()
        q_old, q_new = quoted(old), quoted(new)
        if self._chance.random() < 0.5:
            return [
                self._table(new),
                self._copy(old, new, where),
                f"DROP TABLE {q_old};",
                f"ALTER TABLE {q_new} RENAME TO {q_old};",
            ]
        return [
            f"ALTER TABLE {q_old} RENAME TO {q_new};",
            self._table(old),
            self._copy(new, old, where),
            f"DROP TABLE {q_new};",
        ]

    def _swap(self) -> list[str]:
        one, other, third = quoted(self._any()), quoted(self._any()), quoted(self._free())
        steps = ((one, third), (other, one), (third, other))
        return [f"ALTER TABLE {old} RENAME TO {new};" for old, new in steps] if one != other else []

    # What may lose rows.

    def _delete(self) -> list[str]:
        table, where = quoted(self._any()), self._chance.choice((self._where(), self._where(), ""))
        forms = (
            f"DELETE FROM {table} {where};",
            f"/* a remark */ delete from {table} {where};",
            f"WITH gone AS (SELECT k FROM {table} {where}) DELETE FROM {table} WHERE k IN (SELECT k FROM gone);",
        )
        return [self._chance.choice(forms)]

    def _drop(self) -> list[str]:
        table = self._any()
        self._names = [name for name in self._names if name != table] or ["item"]
        ending = self._chance.choice((" CASCADE", "")) if self._is_postgres else ""
        return [f"DROP TABLE {self._chance.choice(('', 'IF EXISTS '))}{quoted(table)}{ending};"]

    def _rebuild_some(self) -> list[str]:
        return self._rebuild(self._where())

    def _replace(self) -> list[str]:
        table, other, number = quoted(self._any()), quoted(self._any()), self._chance.choice((0, 1, 2, 300))
        if self._is_postgres:
            return [f"INSERT INTO {table} (k, n) VALUES ('{self._key()}', {number}) ON CONFLICT DO NOTHING;"]
        forms = (
            f"INSERT OR REPLACE INTO {table} (k, n) VALUES ('{self._key()}', {number});",
            f"replace /* so */ into {table} (k, n) values ('{self._key()}', {number});",
            f"UPDATE OR REPLACE {table} SET n = n + 1;",
            f"INSERT OR REPLACE INTO {table} ({_COLUMNS}) SELECT '{self._key()}' || k, n, up, v FROM {other};",
        )
        return [self._chance.choice(forms)]

    def _drop_column(self) -> list[str]:
        column = self._chance.choice(("v", "n", "k") if self._is_postgres else ("v", "n"))
        return [f"ALTER TABLE {quoted(self._any())} DROP COLUMN {column};"]

    def _move(self) -> list[str]:
        old, new = self._any(), self._any()
        if old == new:
            return []
        return [self._copy(old, new, self._where()), f"DELETE FROM {quoted(old)} {self._where()};"]

    def _put_together(self) -> list[str]:
        old, new = self._any(), self._any()
        if old == new:
            return []
        return [self._copy(old, new, self._chance.choice(("", self._where()))), f"DROP TABLE {quoted(old)};"]

    def _trigger(self) -> list[str]:
        on, gone, number = quoted(self._any()), quoted(self._any()), next(self._numbers)
        event = self._chance.choice(("INSERT", "UPDATE", "DELETE"))
        body = f"DELETE FROM {gone} {self._where()};"
        if not self._is_postgres:
            return [f"CREATE TRIGGER g{number} AFTER {event} ON {on} BEGIN {body} END;"]
        return [
            f"CREATE FUNCTION f{number}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$;",
            f"CREATE TRIGGER g{number} AFTER {event} ON {on} FOR EACH STATEMENT EXECUTE FUNCTION f{number}();",
        ]

    def _each_row(self) -> list[str]:
        text = self._chance.choice((self._delete, self._drop, self._update))()[0].replace("'", "''")
        return ["-- sessmig: run-each-row", f"SELECT '{text}' AS statement;"]

    def _own(self) -> list[str]:
        """Return what only one of the two databases has."""
        one, other, new = quoted(self._any()), quoted(self._any()), self._free()
        number, made = next(self._numbers), quoted(new)
        if not self._is_postgres:
            view = quoted(f"w{number}")
            return [
                f"CREATE VIEW {view} AS SELECT k, n FROM {one};",
                f"CREATE TRIGGER x{number} INSTEAD OF DELETE ON {view} BEGIN DELETE FROM {one} WHERE k = old.k; END;",
                f"DELETE FROM {view} {self._where()};".replace("v IS NULL", "n IS NULL"),
            ]
        parts = f"PARTITION OF {made} FOR VALUES"
        where = self._where()
        forms = (
            [f"TRUNCATE {one}{self._chance.choice((' CASCADE', ''))};"],
            [f"DO $$ BEGIN DELETE FROM {one} {where}; END $$;"],
            [f"DO $$ BEGIN EXECUTE 'DROP TABLE {one}'; END $$;"],
            [f"DO $$ BEGIN TRUNCATE {one}; END $$;"],
            [f"WITH gone AS (DELETE FROM {one} {where} RETURNING *) SELECT count(*) FROM gone;"],
            [f"WITH gone AS (DELETE FROM {one} {where} RETURNING *) INSERT INTO {other} (k, n) SELECT k, n FROM gone;"],
            [f"MERGE INTO {one} AS t USING {other} AS s ON t.n = s.n WHEN MATCHED THEN DELETE;"],
            [f"CREATE SCHEMA s{number};", f"ALTER TABLE {one} SET SCHEMA s{number};"],
            [
                f"CREATE SCHEMA s{number};",
                f"ALTER TABLE {one} SET SCHEMA s{number};",
                f"DROP SCHEMA s{number} CASCADE;",
            ],
            [
                f"CREATE TABLE {made} (k TEXT, n INTEGER, up TEXT, v TEXT) PARTITION BY RANGE (n);",
                f"CREATE TABLE low{number} {parts} FROM (MINVALUE) TO (2);",
                f"CREATE TABLE high{number} {parts} FROM (2) TO (MAXVALUE);",
                f"INSERT INTO {made} SELECT {_COLUMNS} FROM {one} WHERE n IS NOT NULL;",
                f"DROP TABLE {one};",
                f"ALTER TABLE {made} RENAME TO {one};",
                *self._chance.choice(
                    (
                        [],
                        [f"ALTER TABLE {one} DETACH PARTITION low{number};"],
                        [f"DROP TABLE low{number};"],
                        [f"ALTER TABLE {one} DETACH PARTITION low{number};", f"DROP TABLE low{number};"],
                        [f"TRUNCATE high{number};"],
                        [f"UPDATE {one} SET n = 5 WHERE n < 2;", f"DELETE FROM high{number} WHERE n = 5;"],
                        [
                            f"MERGE INTO {one} AS t USING (VALUES (0), (1), (7)) AS s (n) ON t.n = s.n "
                            f"WHEN MATCHED THEN DELETE "
                            f"WHEN NOT MATCHED THEN INSERT (k) VALUES ('{self._key()}' || s.n);"
                        ],
                        [
                            f"DELETE FROM {one} {where};",
                            f"DO $$ BEGIN INSERT INTO {one} (k, n) VALUES ('{self._key()}', 77); END $$;",
                            f"UPDATE {one} SET v = 'u';",
                        ],
                    )
                ),
            ],
            [f"CREATE TABLE {made} (LIKE {one} INCLUDING ALL);", f"ALTER TABLE {made} INHERIT {one};"],
            [
                f"CREATE TABLE {made} (LIKE {one} INCLUDING ALL);",
                f"ALTER TABLE {made} INHERIT {one};",
                f"INSERT INTO {made} (k, n) VALUES ('{self._key()}', 900), ('{self._key()}', 901);",
                f"DO $$ BEGIN TRUNCATE ONLY {one}; END $$;",
            ],
            [f"DO $$ BEGIN TRUNCATE {one}; END $$;", f"TRUNCATE {one};"],
            [f"CREATE TEMP TABLE aside{number} AS SELECT * FROM {one};", f"DELETE FROM {one} {where};"],
            ["SET LOCAL session_replication_role = replica;", f"DELETE FROM {one} {where};"],
            [f"SELECT {_COLUMNS} INTO {made} FROM {one} {where};", f"DROP TABLE {one};"],
            [f"ALTER TABLE {one} ALTER COLUMN n TYPE bigint;", f"DELETE FROM {other} {where};"],
        )
        return self._chance.choice(forms)
