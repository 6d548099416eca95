"""What the series must give, in plain Python: each row as it must be, from the row as it was.

Written from the specification, not from the SQL. Knows rows; opens no database and reads no file.
"""

from __future__ import annotations

import string
from copy import deepcopy

from tests.learning.legacy import Picture

_CAPITALS = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
ROLES = ("USER", "ASSISTANT", "SYSTEM")


def migrated(before: Picture, version: int) -> Picture:
    """Work out every row as it must be after the steps up to a version, where nobody writes meanwhile."""
    after = deepcopy(before)
    for row in after["learning_sessions"] if version >= 2 else ():
        row |= {"type": "LEARNING", "status": "ACTIVE", "mode": "TUTOR"}
        row["last_activity_at"] = row["updated_at"] if version >= 3 else None
    for row in after["learning_messages"]:
        if version >= 2:
            row["metadata"] = {}
        if version >= 5:
            row["role"] = row["role"].translate(_CAPITALS)
    return after
