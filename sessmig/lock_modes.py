"""The locks that PostgreSQL knows on tables, from the weakest to the strongest, and what each keeps others from.

Knows words only. See https://www.postgresql.org/docs/current/explicit-locking.html
"""

from __future__ import annotations

MODES = {
    "ACCESS SHARE": "changes to the table itself",
    "ROW SHARE": "changes to the table itself",
    "ROW EXCLUSIVE": "CREATE INDEX and changes to the table itself",
    "SHARE UPDATE EXCLUSIVE": "VACUUM, CREATE INDEX and changes to the table itself",
    "SHARE": "writes",
    "SHARE ROW EXCLUSIVE": "writes",
    "EXCLUSIVE": "writes, and reads FOR UPDATE or SHARE",
    "ACCESS EXCLUSIVE": "reads and writes",
}
"""What each mode blocks, in words."""
STRENGTH = {mode: strength for strength, mode in enumerate(MODES)}
