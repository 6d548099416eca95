"""What the ledger says of a step that was met by a fault. Reads its row by itself; knows nothing of databases."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger says of the step."""

    status: str | None
    done: int = 0
    """How many statements of a half-done step are done."""
    rows: int = 0
    """How many rows of its batch statement."""
    begun: bool = False
    """One more was begun, and nobody knows whether it was done."""
    undoing: bool = False


def half_done(status: str | None, metadata: object) -> Standing:
    """Read the ledger's row of the step."""
    kept = json.loads(metadata) if isinstance(metadata, str) else metadata
    progress = (kept or {}).get("progress") if isinstance(kept, dict) else None
    if status not in ("running", "failed") or not progress:
        return Standing(status)
    rows = [one["rows"] for n, one in progress.get("batches", {}).items() if int(n) == progress["done"]]
    begun = progress.get("begun") == progress["done"]
    return Standing(status, progress["done"], sum(rows), begun, bool(progress.get("undoing")))
