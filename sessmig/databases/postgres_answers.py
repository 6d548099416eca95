"""Expressions by which a script for psql keeps and compares what queries answer, as a run keeps and compares it.

Knows types; in all of them the one value is called `value`, and the answer `sessmig_asked`.
"""

from __future__ import annotations

WHOLE = "pg_typeof(value) = ANY ('{smallint,integer,bigint}'::regtype[])"
REAL = "pg_typeof(value) = ANY ('{real,double precision}'::regtype[])"
NUMBER = "value::text ~ '^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$'"
ONE = "(SELECT count(*) FROM sessmig_asked) = 1"
VALUE = f"FROM (SELECT CASE WHEN {ONE} THEN (TABLE sessmig_asked) END AS value) AS sessmig_value"
LITERAL = (
    "CASE WHEN value IS NULL THEN 'NULL'"
    f" WHEN ({WHOLE} OR pg_typeof(value) = 'numeric'::regtype) AND {NUMBER}"
    " THEN CASE WHEN value::text LIKE '-%' THEN '(' || value::text || ')' ELSE value::text END"
    " WHEN pg_typeof(value) = 'boolean'::regtype THEN value::text"
    f" WHEN {REAL} OR pg_typeof(value) = 'bytea'::regtype"
    " THEN quote_literal(value::text) || '::' || pg_typeof(value)"
    " ELSE quote_literal(value::text) END"
)
# As `words.plain` writes a measure: exact numbers, bytes and whatever else is no number are text.
JSON = (
    "CASE WHEN value IS NULL THEN 'null'"
    f" WHEN {WHOLE} OR {REAL} OR pg_typeof(value) = 'boolean'::regtype THEN to_jsonb(value)::text"
    " WHEN pg_typeof(value) = 'numeric'::regtype AND value::text ~ '^-?[0-9]+$' THEN value::text"
    " WHEN pg_typeof(value) = 'bytea'::regtype"
    " THEN to_jsonb('x''' || substr(value::text, 3) || '''')::text"
    " ELSE to_jsonb(value::text)::text END"
)
PICTURE = (
    "count(*) || ' ' || md5(coalesce(string_agg(sessmig_asked::text, E'\\n' ORDER BY sessmig_asked::text"
    " COLLATE \"C\"), ''))"
)
