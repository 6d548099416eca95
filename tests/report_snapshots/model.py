"""Says in plain Python which table is a left-over, and makes up names of every kind; the same seed makes the same.

Knows nothing of the migration's SQL.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from typing import NamedTuple

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NAME = re.compile("session_(.*)_interaction_[0-9]+", re.DOTALL)
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def is_leftover(name: str, sessions: Iterable[str]) -> bool:
    """Tell whether a table is one that the application made at run time for an interaction."""
    found = _NAME.fullmatch(name.translate(_SMALL))
    if not found:
        return False
    return bool(re.fullmatch(_UUID, found[1])) or found[1] in {one.translate(_SMALL) for one in sessions}


class Soup(NamedTuple):
    """What a database holds beside the legacy tables."""

    sessions: list[str]
    tables: list[str]


_IDS = ("notes", "it's", 'a"b', "a;b", "x[1]", "50%", "a_b", "Ünï", "🗺", "مرحبا", "", " ", "a\nb", "interaction_1", "`")
_HEADS = (
    "session_",
    "session_",
    "session_",
    "Session_",
    "SESSION_",
    "session",
    "sessions_",
    "my_session_",
    "session__",
)
_MIDDLES = ("_interaction_", "_interaction_", "_interaction_", "_INTERACTION_", "_interactions_", "interaction_", "_")
_TAILS = ("1", "2", "10", "0", "007", "12345678901234567890", "", "x", "1b", "1_backup", "log", "-1", "1.5", "٣", "1 ")
_FIXED = ("session_notes_interaction_log", "session_interaction_3", "interactions", "session__interaction_1", "sessio")


def soup(seed: int) -> Soup:
    """Return sessions, and table names that are left-overs, look like them, or have nothing to do with them."""
    choose = random.Random(f"report_snapshots {seed}")

    def uuid() -> str:
        digits = f"{choose.getrandbits(128):032x}"
        text = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        return text.upper() if choose.random() < 0.2 else text

    def spoilt(text: str) -> str:
        at = choose.randrange(len(text))
        return choose.choice((text.replace("-", ""), text[:at] + choose.choice("gz_ -é") + text[at + 1 :], text[:-1]))

    sessions = [uuid() for _ in range(choose.randrange(4))] + choose.sample(_IDS, choose.randrange(4))
    ids = [*sessions, *_IDS, *(uuid() for _ in range(3)), *(spoilt(uuid()) for _ in range(3))]
    ids += [one.upper() for one in sessions]
    names = [
        choose.choice(_HEADS) + choose.choice(ids) + choose.choice(_MIDDLES) + choose.choice(_TAILS)
        for _ in range(choose.randrange(12))
    ]
    names += [f"session_{choose.choice(ids)}_interaction_{choose.randrange(20)}" for _ in range(choose.randrange(8))]
    names += choose.sample(_FIXED, 2)
    # To SQLite names are the same whatever their case.
    return Soup(sessions, list({name.translate(_SMALL): name for name in names}.values()))
