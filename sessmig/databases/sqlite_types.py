"""How SQLite declares the ledger's columns, and writes and reads their values.

Knows words of SQL only.
"""

from __future__ import annotations

from sessmig.ledger_types import LedgerTypes

_UNFIT = """
SELECT CASE WHEN t.type <> 'table' THEN 'it is a ' || t.type WHEN NOT EXISTS (
    SELECT 1 FROM pragma_index_list(t.name, 'main') AS i WHERE i."unique" AND NOT i.partial AND 'series,version' = (
        SELECT group_concat(c.name) FROM (SELECT name FROM pragma_index_info(i.name, 'main') ORDER BY name) AS c)
) THEN 'it has no key of series and version' END
FROM main.sqlite_master AS t WHERE 'main."' || t.name || '"' = $1 AND t.type IN ('table', 'view')"""

TYPES = LedgerTypes(
    text="TEXT",
    integer="INTEGER",
    time="TEXT",
    json="TEXT",
    now="CURRENT_TIMESTAMP",
    identity="INTEGER PRIMARY KEY AUTOINCREMENT",
    utc="%s",
    moment="%s",
    iso="CAST(%s AS TEXT)",
    count_up=(
        'CREATE TRIGGER main."{name}_count_up" AFTER INSERT ON "{name}" WHEN NEW.version IS NULL BEGIN'
        ' UPDATE "{name}" SET version = (SELECT coalesce(max(version), 0) + 1 FROM "{name}"'
        " WHERE series = NEW.series) WHERE rowid = NEW.rowid; END",
    ),
    unfit=_UNFIT,
)
