"""Takes the picture of a PostgreSQL database that a rehearsal compares: its schema, and a sum of hashes for each table.

Reads the catalogue, and has the server add the hashes up; knows nothing of what is made of it.
"""

from __future__ import annotations

from collections.abc import Collection

from sessmig.databases.values import postgres_literal
from sessmig.databases.wire import Wire
from sessmig.rehearsal import Fingerprint, Rows, Thing

USER_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
# Names come out qualified, rows and numbers as exactly as they are; and no policy hides any.
_EXACTLY = "SET LOCAL search_path = ''; SET LOCAL extra_float_digits = 3; SET LOCAL row_security = off"


def _not_of_extension(catalogue: str, oid: str) -> str:
    return f"""NOT EXISTS (
    SELECT 1 FROM pg_catalog.pg_depend AS e
    WHERE e.classid = 'pg_catalog.{catalogue}'::regclass AND e.objid = {oid} AND e.deptype = 'e')"""


# Each gives name, definition and the table that it is a part of. {name} writes a name with its schema, unless that is
# the ledger's; {out} are the relations left out.
_RELATION = """
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"""
_ABOUT = "pg_get_userbyid(c.relowner), c.relacl::text, c.reloptions::text, obj_description(c.oid, 'pg_class')"
# PostgreSQL 13 has no such column.
_COMPRESSION = "to_jsonb(a) ->> 'attcompression'"
_THINGS: tuple[tuple[str, str], ...] = (
    (
        "schema",
        f"""SELECT n.nspname, concat_ws(' ', 'owner', pg_get_userbyid(n.nspowner), n.nspacl::text,
    obj_description(n.oid, 'pg_namespace')), ''
FROM pg_namespace AS n WHERE {USER_SCHEMA}""",
    ),
    (
        "table",
        f"""SELECT {{name}} || c.relname, concat_ws(' ', c.relkind, c.relpersistence,
    (SELECT '(' || string_agg(quote_ident(attname), ', ' ORDER BY attnum) || ')' FROM pg_attribute
     WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
    'PARTITION BY ' || pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
    (SELECT 'INHERITS ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
     FROM pg_inherits AS i WHERE i.inhrelid = c.oid),
    CASE WHEN c.relrowsecurity THEN 'ROW SECURITY' END, CASE WHEN c.relforcerowsecurity THEN 'FORCED' END,
    nullif(c.relreplident::text, 'd'), {_ABOUT}), ''
{_RELATION} WHERE {USER_SCHEMA} AND c.relkind IN ('r', 'p', 'f') AND c.oid <> ALL ({{out}})""",
    ),
    (
        "column",
        f"""SELECT {{name}} || c.relname || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || a.attcollation::regcollation END,
    CASE WHEN a.attnotnull THEN 'NOT NULL' END, nullif('IDENTITY ' || a.attidentity::text, 'IDENTITY '),
    CASE a.attgenerated WHEN '' THEN 'DEFAULT ' ELSE 'GENERATED ' END || pg_get_expr(f.adbin, f.adrelid),
    'STATISTICS ' || nullif(coalesce(a.attstattarget, -1), -1),
    CASE WHEN a.attstorage <> t.typstorage THEN 'STORAGE ' || a.attstorage::text END,
    'COMPRESSION ' || nullif({_COMPRESSION}, ''),
    a.attacl::text, a.attoptions::text, col_description(c.oid, a.attnum)), {{name}} || c.relname
{_RELATION}
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS f ON f.adrelid = c.oid AND f.adnum = a.attnum
WHERE {USER_SCHEMA} AND c.relkind IN ('r', 'p', 'f', 'c') AND c.oid <> ALL ({{out}})""",
    ),
    (
        "index",  # but for those that a constraint has brought
        f"""SELECT {{name}} || x.relname, concat_ws(' ', pg_get_indexdef(i.indexrelid),
    CASE WHEN NOT i.indisvalid THEN 'INVALID' END, CASE WHEN i.indisclustered THEN 'CLUSTERED' END,
    CASE WHEN i.indisreplident THEN 'REPLICA IDENTITY' END, obj_description(x.oid, 'pg_class')), {{name}} || c.relname
{_RELATION} JOIN pg_index AS i ON i.indrelid = c.oid JOIN pg_class AS x ON x.oid = i.indexrelid
WHERE {USER_SCHEMA} AND c.relkind <> 't' AND c.oid <> ALL ({{out}})
  AND NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conindid = x.oid AND k.conrelid = c.oid)""",
    ),
    (
        "constraint",
        f"""SELECT {{name}} || c.relname || '.' || k.conname, concat_ws(' ', pg_get_constraintdef(k.oid),
    (SELECT 'TRIGGERS ' || string_agg(t.tgrelid::regclass || ' ' || t.tgenabled::text, ', ' ORDER BY t.tgname)
     FROM pg_trigger AS t WHERE t.tgconstraint = k.oid AND t.tgisinternal AND t.tgenabled <> 'O'),
    CASE WHEN i.indisclustered THEN 'CLUSTERED' END, CASE WHEN i.indisreplident THEN 'REPLICA IDENTITY' END,
    obj_description(i.indexrelid, 'pg_class'), obj_description(k.oid, 'pg_constraint')), {{name}} || c.relname
{_RELATION} JOIN pg_constraint AS k ON k.conrelid = c.oid AND k.contype <> 't'
LEFT JOIN pg_index AS i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
WHERE {USER_SCHEMA} AND c.oid <> ALL ({{out}})""",
    ),
    (
        "trigger",
        f"""SELECT {{name}} || c.relname || '.' || t.tgname,
    concat_ws(' ', pg_get_triggerdef(t.oid), nullif(t.tgenabled::text, 'O')), {{name}} || c.relname
{_RELATION} JOIN pg_trigger AS t ON t.tgrelid = c.oid AND NOT t.tgisinternal
WHERE {USER_SCHEMA} AND c.oid <> ALL ({{out}})""",
    ),
    (
        "rule",
        f"""SELECT {{name}} || c.relname || '.' || r.rulename, pg_get_ruledef(r.oid), {{name}} || c.relname
{_RELATION} JOIN pg_rewrite AS r ON r.ev_class = c.oid AND r.rulename <> '_RETURN'
WHERE {USER_SCHEMA} AND c.oid <> ALL ({{out}})""",
    ),
    (
        "policy",
        f"""SELECT {{name}} || c.relname || '.' || p.polname,
    concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::regrole[]::text,
        pg_get_expr(p.polqual, p.polrelid), 'CHECK ' || pg_get_expr(p.polwithcheck, p.polrelid)), {{name}} || c.relname
{_RELATION} JOIN pg_policy AS p ON p.polrelid = c.oid WHERE {USER_SCHEMA} AND c.oid <> ALL ({{out}})""",
    ),
    (
        "view",
        f"""SELECT {{name}} || c.relname, concat_ws(' ', pg_get_viewdef(c.oid), {_ABOUT}), ''
{_RELATION} WHERE {USER_SCHEMA} AND c.relkind IN ('v', 'm') AND {_not_of_extension("pg_class", "c.oid")}""",
    ),
    (
        "sequence",
        f"""SELECT {{name}} || c.relname, concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin,
    s.seqmax, s.seqcache, s.seqcycle, 'OF ' || (
        SELECT d.refobjid::regclass || ' ' || d.refobjsubid FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') LIMIT 1), {_ABOUT}), ''
{_RELATION} JOIN pg_sequence AS s ON s.seqrelid = c.oid WHERE {USER_SCHEMA} AND {{not_of_ours}}""",
    ),
    (
        "function",
        f"""SELECT {{name}} || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
    concat_ws(' ', CASE p.prokind WHEN 'a' THEN (
            SELECT concat_ws(' ', g.aggtransfn, g.aggfinalfn, g.agginitval, g.aggtranstype::regtype)
            FROM pg_aggregate AS g WHERE g.aggfnoid = p.oid
        ) ELSE pg_get_functiondef(p.oid) END, pg_get_userbyid(p.proowner), p.proacl::text,
        obj_description(p.oid, 'pg_proc')), ''
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE {USER_SCHEMA} AND {_not_of_extension("pg_proc", "p.oid")}""",
    ),
    (
        "type",
        f"""SELECT {{name}} || t.typname, concat_ws(' ', t.typtype, pg_get_userbyid(t.typowner), t.typacl::text,
    (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
     FROM pg_enum AS e WHERE e.enumtypid = t.oid),
    format_type(nullif(t.typbasetype, 0), t.typtypmod), CASE WHEN t.typnotnull THEN 'NOT NULL' END,
    'DEFAULT ' || t.typdefault, (SELECT string_agg(k.conname || ' ' || pg_get_constraintdef(k.oid), ', ' ORDER BY 1)
     FROM pg_constraint AS k WHERE k.contypid = t.oid)), ''
FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_class AS c ON c.oid = t.typrelid
WHERE {USER_SCHEMA} AND t.typtype IN ('e', 'd', 'r', 'c') AND (c.oid IS NULL OR c.relkind = 'c')
  AND {_not_of_extension("pg_type", "t.oid")}""",
    ),
    (
        "statistics",
        f"""SELECT {{name}} || s.stxname, pg_get_statisticsobjdef(s.oid), ''
FROM pg_statistic_ext AS s JOIN pg_namespace AS n ON n.oid = s.stxnamespace WHERE {USER_SCHEMA}""",
    ),
    ("extension", "SELECT extname, extversion, '' FROM pg_extension"),
    (
        "default right",
        "SELECT concat_ws(' ', 'of', pg_get_userbyid(d.defaclrole), 'in ' || n.nspname, d.defaclobjtype),"
        " d.defaclacl::text, '' FROM pg_default_acl AS d LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace",
    ),
    (
        "publication",
        """SELECT p.pubname, concat_ws(' ', CASE WHEN p.puballtables THEN 'ALL TABLES' END, (
    SELECT string_agg(r.prrelid::regclass::text, ', ' ORDER BY r.prrelid::regclass::text)
    FROM pg_publication_rel AS r WHERE r.prpubid = p.oid)), '' FROM pg_publication AS p""",
    ),
    (
        "event trigger",
        "SELECT evtname, concat_ws(' ', evtevent, evtfoid::regproc, evtenabled), '' FROM pg_event_trigger",
    ),
    (
        "cast",
        f"""SELECT k.castsource::regtype || ' AS ' || k.casttarget::regtype,
    concat_ws(' ', k.castfunc::regproc, k.castcontext, k.castmethod), ''
FROM pg_cast AS k WHERE k.oid >= 16384 AND {_not_of_extension("pg_cast", "k.oid")}""",
    ),
    (
        "operator",
        f"""SELECT o.oid::regoperator::text, o.oprcode::text, '' FROM pg_operator AS o
JOIN pg_namespace AS n ON n.oid = o.oprnamespace WHERE {USER_SCHEMA} AND {_not_of_extension("pg_operator", "o.oid")}""",
    ),
    # Of these only the names.
    (
        "collation",
        f"""SELECT {{name}} || o.collname, '', '' FROM pg_collation AS o
JOIN pg_namespace AS n ON n.oid = o.collnamespace
WHERE {USER_SCHEMA} AND {_not_of_extension("pg_collation", "o.oid")}""",
    ),
    (
        "text search configuration",
        f"""SELECT {{name}} || o.cfgname, '', '' FROM pg_ts_config AS o
JOIN pg_namespace AS n ON n.oid = o.cfgnamespace
WHERE {USER_SCHEMA} AND {_not_of_extension("pg_ts_config", "o.oid")}""",
    ),
)
_NOT_OF_OURS = """NOT EXISTS (
    SELECT 1 FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
      AND d.deptype IN ('a', 'i') AND d.refobjid = ANY ({out}))"""
# What this role may read, and what it reads whole; of a partitioned table the partitions hold the rows.
_TABLES = f"""SELECT {{name}} || c.relname, format('%I.%I', n.nspname, c.relname),
    has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid)
{_RELATION} WHERE {USER_SCHEMA} AND (c.relkind = 'r' OR (c.relkind = 'm' AND c.relispopulated))
  AND c.oid <> ALL ({{out}}) ORDER BY 1"""
_COUNTED = "SELECT count(*) FROM ONLY {table}"
_HASHED = """
SELECT count(*), coalesce(sum(hashtextextended((sessmig_row.*)::text COLLATE "C", 0)::numeric), 0),
    coalesce(sum(hashtextextended((sessmig_row.*)::text COLLATE "C", 1)::numeric), 0)
FROM ONLY {table} AS sessmig_row"""
_SEQUENCES = f"""SELECT {{name}} || c.relname, coalesce(CASE
    WHEN c.relkind <> 'S' THEN NULL
    WHEN has_sequence_privilege(c.oid, 'SELECT, USAGE') THEN pg_sequence_last_value(c.oid)::text
END, 'not used yet')
{_RELATION} WHERE {USER_SCHEMA} AND c.relkind = 'S' AND {{not_of_ours}} ORDER BY 1"""


def fingerprint(wire: Wire, schema: str, exclude: Collection[str], values: bool) -> Fingerprint:
    """Return the picture of the database, within a transaction whose settings are given back afterwards.

    Args:
        wire: the connection.
        schema: the ledger's schema; what stands in it is named without.
        exclude: the tables, quoted and with their schema, that are left out with what belongs to them.
        values: False only counts the rows.
    """
    wire.command(_EXACTLY)
    found = [wire.query("SELECT coalesce(to_regclass($1)::oid::bigint, 0)", (name,)).rows[0][0] for name in exclude]
    out = f"ARRAY[{', '.join(map(str, found)) or '0'}]::oid[]"
    words = {
        "name": f"CASE n.nspname WHEN {postgres_literal(schema)} THEN '' ELSE n.nspname || '.' END",
        "out": out,
        "not_of_ours": _NOT_OF_OURS.format(out=out),
    }
    things = []
    for kind, sql in _THINGS:
        for name, definition, table in wire.query(sql.format(**words)).rows:
            things.append(Thing(kind, str(name), str(definition), table=str(table)))
    rows = []
    for name, table, is_readable in wire.query(_TABLES.format(**words)).rows:
        asked = (_HASHED if values else _COUNTED).format(table=table)
        number, *sums = wire.query(asked).rows[0] if is_readable else (None,)
        rows.append(Rows(str(name), number if isinstance(number, int) else None, " ".join(map(str, sums))))
    sequences = tuple((str(name), str(value)) for name, value in wire.query(_SEQUENCES.format(**words)).rows)
    return Fingerprint(tuple(things), tuple(rows), sequences)
