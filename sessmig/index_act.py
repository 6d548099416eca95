"""What a statement does to an index beside running writers: the noun between the script and the database.

Knows neither how it is read nor how it is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class IndexAct:
    """A CREATE INDEX, DROP INDEX or REINDEX with CONCURRENTLY; names as the statement writes them."""

    verb: Literal["create", "drop", "reindex"]
    kind: str
    """What is named: `INDEX`, `TABLE`, `SCHEMA`, `DATABASE`."""
    name: str
    """The index that is made or dropped; with REINDEX whatever is named, empty for the whole database."""
    table: str = ""
    """The table that an index is made on."""
    is_unique: bool = False
    behind: str = ""
    """What stands behind the table's name: `USING btree (a) WHERE ...`."""
