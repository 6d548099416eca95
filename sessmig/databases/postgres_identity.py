"""By what one PostgreSQL database is told from another, and the queries that ask whether it is still that one.

Knows the catalogue; a role that may not ask for the cluster is told by name and oid alone.
"""

from __future__ import annotations

from sessmig.databases.values import postgres_literal

_MAY_ASK = "has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')"
_SYSTEM = "(SELECT system_identifier::text FROM pg_catalog.pg_control_system())"
IDENTITY = f"""
SELECT d.oid::text, CASE WHEN {_MAY_ASK} THEN {_SYSTEM} ELSE 'unknown' END
FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()"""
PLACE = "SELECT datname || ', oid ' || oid FROM pg_catalog.pg_database WHERE datname = current_database()"


def cluster(known: str) -> str:
    """Ask for the cluster; where that may not be asked, the answer is what is known."""
    return f"SELECT CASE WHEN {_MAY_ASK} THEN {_SYSTEM} ELSE {postgres_literal(known)} END"
