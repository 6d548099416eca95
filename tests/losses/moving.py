"""Losses on the way from one table to another: no statement fails, and the target loses nothing. Merges find them.

Knows the chat's tables; asks nothing.
"""

from __future__ import annotations

from tests.losses.planted import ACCOUNT, COLUMNS, Planted

COPY = f"INSERT INTO messages ({COLUMNS}) SELECT {COLUMNS} FROM legacy"
RIGHT = f"{COPY};"
ARRIVED = ("SELECT count(*) FROM messages", 9)
MISSING = "merge failed: legacy into messages\n    {} missing in the target"
CHANGED = "merge failed: legacy into messages\n    {} in the target with other values"
LINES = """
CREATE TABLE morning (session_id INTEGER, body TEXT);
CREATE TABLE evening (session_id INTEGER, body TEXT);
CREATE TABLE lines (session_id INTEGER, body TEXT);
INSERT INTO morning VALUES (1, 'hi'), (1, 'hi'), (2, 'bye');
INSERT INTO evening VALUES (1, 'hi'), (2, 'late');
"""
NUMBERED = "(SELECT session_id, body, row_number() OVER (PARTITION BY session_id, body ORDER BY body) AS nth FROM {})"
BOTH = "(SELECT * FROM morning UNION ALL SELECT * FROM evening) AS spoken"
LINES_ACCOUNT = f"-- merge: {NUMBERED.format(BOTH)} into {NUMBERED.format('lines')} on session_id, body, nth\n"


def _selecting(old: str, new: str) -> str:
    return f"INSERT INTO messages ({COLUMNS}) SELECT {COLUMNS.replace(old, new)} FROM legacy;"


def _missing(bad: str, rows: str = "1 row", **others: object) -> Planted:
    known = {"good": RIGHT, "verify": ACCOUNT, "leaves": ARRIVED} | others
    return Planted(bad, by=("merge",), says=MISSING.format(rows), **known)  # type: ignore[arg-type]


def _changed(old: str, new: str, rows: str = "1 row", **others: object) -> Planted:
    known = {"good": RIGHT, "verify": ACCOUNT, "leaves": ARRIVED} | others
    return Planted(_selecting(old, new), by=("merge",), says=CHANGED.format(rows), **known)  # type: ignore[arg-type]


LOST = {
    "OR IGNORE through NOT NULL": _missing(
        COPY.replace("INSERT", "INSERT OR IGNORE") + ";",
        setup="UPDATE legacy SET role = NULL WHERE id = 103;",
        good=_selecting("role", "coalesce(role, 'user')"),
        good_verify=ACCOUNT.replace(
            "legacy", "(SELECT id, session_id, coalesce(role, 'user') AS role, body, said, extra FROM legacy)", 1
        ),
        only="sqlite",
    ),
    "OR IGNORE through CHECK": _missing(
        COPY.replace("INSERT", "INSERT OR IGNORE") + ";",
        setup="UPDATE legacy SET role = '' WHERE id IN (101, 103);",
        rows="2 rows",
        good=f"{COPY} WHERE role <> '';",
        good_verify=f"{ACCOUNT}-- reject: no role where role = ''\n",
        leaves=("SELECT count(*) FROM messages", 7),
        only="sqlite",
    ),
    "ON CONFLICT DO NOTHING through another UNIQUE": _missing(
        f"{COPY} WHERE true ON CONFLICT DO NOTHING;",
        setup="CREATE UNIQUE INDEX no_echo ON messages (session_id, body);",
        rows="2 rows",
        good=f"DROP INDEX no_echo;\n{RIGHT}",
    ),
    "the same text twice in a session": _missing(
        f"{COPY} AS l WHERE NOT EXISTS"
        " (SELECT 1 FROM messages AS m WHERE m.session_id = l.session_id AND m.body = l.body);",
        good=f"{COPY} AS l WHERE NOT EXISTS (SELECT 1 FROM messages AS m WHERE m.id = l.id);",
    ),
    "a GROUP BY on what was said": _missing(
        f"INSERT INTO messages ({COLUMNS}) SELECT min(id), session_id, role, body, said, NULL FROM legacy"
        " WHERE session_id = 11 GROUP BY session_id, role, body, said;\n"
        f"{COPY} WHERE session_id <> 11;"
    ),
    "a LIMIT too many": _missing(f"{COPY} ORDER BY id LIMIT 5;"),
    "pages that leave a gap": _missing(
        f"{COPY} ORDER BY id LIMIT 3;\n{COPY} ORDER BY id LIMIT 3 OFFSET 4;",
        good=f"{COPY} ORDER BY id LIMIT 3;\n{COPY} ORDER BY id LIMIT 3 OFFSET 3;",
    ),
    "an inner join that drops rows": _missing(
        f"INSERT INTO messages ({COLUMNS}) SELECT l.id, session_id, role, body, said, extra"
        " FROM legacy AS l JOIN sessions ON sessions.id = l.session_id;",
        setup="UPDATE legacy SET session_id = 99 WHERE id = 102;",
        good=f"{COPY} WHERE session_id IN (SELECT id FROM sessions);",
        good_verify=f"{ACCOUNT}-- reject: no such session where session_id NOT IN (SELECT id FROM sessions)\n",
        leaves=("SELECT count(*) FROM messages", 8),
    ),
    "NOT IN with a NULL": _missing(
        f"{COPY} WHERE id NOT IN (SELECT message_id FROM seen);",
        setup="CREATE TABLE seen (message_id INTEGER); INSERT INTO seen VALUES (1), (NULL);",
        rows="6 rows",
        good=f"{COPY} WHERE NOT EXISTS (SELECT 1 FROM seen WHERE message_id = legacy.id);",
    ),
    "a WHERE on a column that may be NULL": _missing(
        f"{COPY} WHERE body <> 'spam';", good=f"{COPY} WHERE coalesce(body, '') <> 'spam';"
    ),
    "a watermark that is higher than old ids": _missing(
        f"{COPY} WHERE id > (SELECT max(id) FROM messages);",
        rows="6 rows",
        good=f"{COPY} WHERE id NOT IN (SELECT id FROM messages);",
    ),
    "a range without its last day": _missing(
        f"{COPY} WHERE said >= '2025-12-01' AND said < '2025-12-31';",
        rows="3 rows",
        good=f"{COPY} WHERE said >= '2025-12-01' AND said < '2026-01-01';",
    ),
    "rows moved by two conditions that do not meet": _missing(
        f"{COPY} WHERE body <> 'thanks';\nDELETE FROM legacy;",
        rows="4 rows",
        good=f"{RIGHT}\nDELETE FROM legacy;",
    ),
    "a key that loses its case": Planted(
        "INSERT INTO codes SELECT lower(code) FROM legacy_codes WHERE true ON CONFLICT DO NOTHING;",
        "INSERT INTO codes SELECT code FROM legacy_codes WHERE true ON CONFLICT DO NOTHING;",
        ("merge",),
        "merge failed: legacy_codes into codes\n    1 row missing in the target",
        verify="-- merge: legacy_codes into codes on code\n",
        setup="CREATE TABLE legacy_codes (code TEXT PRIMARY KEY); CREATE TABLE codes (code TEXT PRIMARY KEY);"
        "INSERT INTO legacy_codes VALUES ('a1'), ('A1');",
        leaves=("SELECT count(*) FROM codes", 2),
    ),
    "a key that its column takes for another": Planted(
        "INSERT OR IGNORE INTO codes SELECT code FROM legacy_codes;",
        "-- sessmig: may-lose codes\nDROP TABLE codes;\nCREATE TABLE codes (code TEXT PRIMARY KEY);\n"
        "INSERT INTO codes SELECT code FROM legacy_codes;",
        ("merge",),
        "merge failed: legacy_codes into codes\n    1 row in the target with other values",
        verify="-- merge: legacy_codes into codes on code\n",
        setup="CREATE TABLE legacy_codes (code TEXT PRIMARY KEY);"
        "CREATE TABLE codes (code TEXT PRIMARY KEY COLLATE NOCASE);"
        "INSERT INTO legacy_codes VALUES ('a1'), ('A1');",
        only="sqlite",
        leaves=("SELECT count(*) FROM codes", 2),
    ),
    "a key clash": Planted(
        f"{COPY} WHERE true ON CONFLICT (id) DO NOTHING;",
        f"INSERT INTO messages ({COLUMNS}) SELECT id + 1000, session_id, role, body, said, extra FROM legacy;",
        ("merge",),
        "merge failed: legacy into messages\n    1 key stands in the target already, with other values",
        verify=ACCOUNT,
        good_verify=ACCOUNT.replace(
            "legacy", "(SELECT id + 1000 AS id, session_id, role, body, said, extra FROM legacy)", 1
        ),
        setup="INSERT INTO messages VALUES (104, 20, 'user', 'mine', '2026-01-01 10:00:00', NULL);",
        leaves=("SELECT count(*) FROM messages", 10),
    ),
    "DO UPDATE over a row that was to be kept": Planted(
        f"{COPY} WHERE true ON CONFLICT (id) DO UPDATE SET body = excluded.body;",
        f"{COPY} WHERE true ON CONFLICT (id) DO NOTHING;",
        ("merge",),
        "merge failed: legacy into messages\n    1 row of the target that differed did not stay as they were",
        verify=f"{ACCOUNT}-- differing: keep\n",
        setup="INSERT INTO messages VALUES (104, 20, 'user', 'mine', '2026-01-01 10:00:00', NULL);",
        leaves=("SELECT count(*) FROM messages WHERE body = 'mine'", 1),
    ),
    "a rejected row that comes all the same": Planted(
        RIGHT,
        f"{COPY} WHERE body IS NOT NULL;",
        ("merge",),
        "merge failed: legacy into messages\n    1 row rejected, yet in the target",
        verify=f"{ACCOUNT}-- reject: empty where body IS NULL\n",
        leaves=("SELECT count(*) FROM messages", 8),
    ),
    "UNION instead of UNION ALL": Planted(
        "INSERT INTO lines SELECT * FROM morning UNION SELECT * FROM evening;",
        "INSERT INTO lines SELECT * FROM morning UNION ALL SELECT * FROM evening;",
        ("merge",),
        "    2 rows missing in the target",
        verify=LINES_ACCOUNT,
        setup=LINES,
        leaves=("SELECT count(*) FROM lines", 5),
    ),
    "a DISTINCT too many": Planted(
        "INSERT INTO lines SELECT DISTINCT * FROM morning;\nINSERT INTO lines SELECT * FROM evening;",
        "INSERT INTO lines SELECT * FROM morning;\nINSERT INTO lines SELECT * FROM evening;",
        ("merge",),
        "    1 row missing in the target",
        verify=LINES_ACCOUNT,
        setup=LINES,
        leaves=("SELECT count(*) FROM lines", 5),
    ),
    "a LEFT JOIN that multiplies": Planted(
        "INSERT INTO copies SELECT l.id, l.body FROM legacy AS l LEFT JOIN tags ON tags.message_id = l.id;",
        "INSERT INTO copies SELECT l.id, l.body FROM legacy AS l"
        " LEFT JOIN (SELECT DISTINCT message_id FROM tags) AS tagged ON tagged.message_id = l.id;",
        ("merge",),
        "merge failed: legacy into copies\n    the target has 1 row more than the source has keys",
        verify="-- merge: legacy into copies on id comparing body\n",
        setup="CREATE TABLE copies (id INTEGER, body TEXT); CREATE TABLE tags (message_id INTEGER, tag TEXT);"
        "INSERT INTO tags VALUES (101, 'a'), (101, 'b'), (103, 'a');",
        leaves=("SELECT count(*) FROM copies", 6),
    ),
}
CHANGED_VALUES = {
    "a text cut by substr": _changed("body", "substr(body, 1, 6)"),
    "a text cut by a cast": _changed("body", "CAST(body AS VARCHAR(6))", only="postgres"),
    "a blank lost by padding": _changed(
        "body", "CAST(body AS CHAR(20))", setup="UPDATE legacy SET body = 'wait ' WHERE id = 102;", only="postgres"
    ),
    "a text trimmed": _changed("body", "trim(body)", setup="UPDATE legacy SET body = 'wait ' WHERE id = 102;"),
    "a letter lost by its encoding": _changed(
        "body", "replace(body, 'ä', '?')", setup="UPDATE legacy SET body = 'Käse' WHERE id = 102;"
    ),
    "NULL made an empty text": _changed("body", "coalesce(body, '')"),
    "a CASE without ELSE": _changed(
        "body", "CASE WHEN role = 'user' THEN body END", good=_selecting("body", "CASE WHEN true THEN body END")
    ),
    "a time shifted by a time zone": _changed("said", "said + interval '9 hours'", rows="6 rows", only="postgres"),
    "a time shifted by a time zone in text": _changed(
        "said", "datetime(said, '+9 hours')", rows="6 rows", only="sqlite"
    ),
    "a time read in the session's time zone": Planted(
        "SET TimeZone = 'Asia/Tokyo';\n" + _selecting("said", "said::timestamp AT TIME ZONE 'UTC'"),
        f"SET TimeZone = 'Asia/Tokyo';\n{RIGHT}",
        ("merge",),
        CHANGED.format("6 rows"),
        verify=ACCOUNT,
        only="postgres",
        leaves=ARRIVED,
    ),
    "a JSON number turned to text": _changed(
        "extra", "jsonb_set(extra, '{tokens}', to_jsonb(extra ->> 'tokens'))", rows="2 rows", only="postgres"
    ),
    "a JSON number turned to text in text": _changed(
        "extra",
        "CASE WHEN extra IS NOT NULL THEN json_set(extra, '$.tokens', CAST(extra ->> '$.tokens' AS TEXT)) END",
        rows="2 rows",
        only="sqlite",
    ),
    "a price without its cents": Planted(
        "INSERT INTO prices SELECT id, round(price) FROM old_prices;",
        "INSERT INTO prices SELECT id, price FROM old_prices;",
        ("merge",),
        "merge failed: old_prices into prices\n    1 row in the target with other values",
        verify="-- merge: old_prices into prices on id comparing price\n",
        setup="CREATE TABLE old_prices (id INTEGER PRIMARY KEY, price NUMERIC);"
        "CREATE TABLE prices (id INTEGER PRIMARY KEY, price NUMERIC); INSERT INTO old_prices VALUES (1, 9.99), (2, 5);",
        leaves=("SELECT count(*) FROM prices WHERE price > 9.5 AND price < 10", 1),
    ),
    "a postal code without its zeros": Planted(
        "INSERT INTO places SELECT id, CAST(code AS INTEGER) FROM old_places;",
        "INSERT INTO places SELECT id, code FROM old_places;",
        ("merge",),
        "merge failed: old_places into places\n    1 row in the target with other values",
        verify="-- merge: old_places into places on id comparing code\n",
        setup="CREATE TABLE old_places (id INTEGER PRIMARY KEY, code TEXT);"
        "CREATE TABLE places (id INTEGER PRIMARY KEY, code TEXT);"
        "INSERT INTO old_places VALUES (1, '01067'), (2, '80331');",
        leaves=("SELECT count(*) FROM places WHERE code = '01067'", 1),
    ),
}
