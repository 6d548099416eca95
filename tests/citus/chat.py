"""The chat tables of docs/how-to/citus.md, distributed or as if they were, and the page's own series on them.

`SESSMIG_TEST_CITUS` names a coordinator, for those who have one; everywhere there is the look-alike: ordinary tables
that bear Citus' mark, of which sessmig then reads no counter.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fixtures.postgres import connect

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "citus.md").read_text(encoding="utf-8")
_FILES = dict(re.findall(r"`([\w/.]+)`\n\n```sql\n(.*?)```", PAGE, flags=re.DOTALL))
TABLES = _FILES["tables.sql"]
SERIES = {name.removeprefix("chat/"): text for name, text in _FILES.items() if name.startswith("chat/")}
COORDINATOR = os.environ.get("SESSMIG_TEST_CITUS", "")
PLACES = ("lookalike", "citus") if COORDINATOR else ("lookalike",)

MARK = """
CREATE FUNCTION citus_truncate_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION create_distributed_table(name regclass, by text, colocate_with text DEFAULT 'default') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER mark AFTER TRUNCATE ON %s EXECUTE FUNCTION citus_truncate_trigger()', name);
END $$;
"""
ROWS = """
INSERT INTO chat_sessions VALUES ('s-1', 'Kept', '2026-01-05', NULL), ('s-2', '', '2026-01-05', NULL);
INSERT INTO chat_messages VALUES ('m-1', 's-1', 'user', 'Hello', '2026-01-05', NULL);
INSERT INTO webui_sessions VALUES ('s-1', 'ada', '2026-01-04', NULL), ('s-3', 'bob', '2026-01-06', '{"title": "Tea"}');
INSERT INTO webui_messages VALUES
    ('m-1', 's-1', 'user', 'Hello', '2026-01-05'), ('m-1', 's-3', 'user', 'Green', '2026-01-06'),
    ('m-2', 's-3', 'tool', 'Brewed', '2026-01-06'), ('m-9', 'gone', 'user', 'Anybody?', '2026-01-06');
"""


@contextmanager
def schema() -> Iterator[str]:
    """The URL of a new schema on the coordinator, dropped with all that is in it."""
    name = f"sessmig_test_{uuid.uuid4().hex[:16]}"
    with connect(COORDINATOR) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
        try:
            mark = "&" if "?" in COORDINATOR else "?"
            yield f"{COORDINATOR}{mark}options=-csearch_path%3D{name}%2Cpublic"
        finally:
            connection.execute(f"DROP SCHEMA {name} CASCADE".encode())


def build(url: str, *, marked: bool) -> None:
    """Make the tables and fill them; `marked` where there is no Citus to distribute them."""
    with connect(url) as connection:
        for text in (*([MARK] if marked else ()), TABLES, ROWS):
            connection.execute(text.encode())
