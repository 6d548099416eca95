"""Makes up learning databases of every nasty kind that the series survives; the same seed makes the same one."""

from __future__ import annotations

import json
import random

from tests.learning.legacy import Row, message, session
from tests.learning.model import ROLES

_TEXTS = (
    "",
    " ",
    "plain",
    "O'Brien ''twice''",
    'say "hi"',
    "C:\\temp\\",
    "line\nbreak\r\n\ttab",
    "🗺️ 👩‍👩‍👧 𝔘𝔫𝔦",
    "مرحبا שלום",
    "e\u0301 \u00e9 \u200b\u2028\ufeff",
    "'; DROP TABLE learning_messages; --",
    "%s ? :first :last $1 ${x} {0}",
    "NULL",
    "user",
    "İıſß",
    "\u0001\u007f\ufffd",
    "x" * 5000,
)
_JSON = ("null", "{}", "[]", '"text"', "0", '{"a": {"b": [1, 2.50, null]}}', '{"emoji": "👍", "": "x"}', "1e30")
_MOMENTS = ("infinity", "-infinity", "1970-01-01 00:00:00", "9999-12-31 23:59:59.999", "0044-03-15 12:00:00 BC")


def nasty_rows(seed: int) -> tuple[list[Row], list[Row]]:
    """Return rows of learning_sessions and of learning_messages."""
    choose = random.Random(f"learning {seed}")
    names = [f"{choose.choice(_TEXTS[:16])}{number}" for number in range(choose.choice((0, 1, 4, 30, 120)))]
    choose.shuffle(names)
    sessions = [
        session(
            name,
            choose.choice(("ada", "o'hara", "用户", "")),
            choose.choice((None, *_TEXTS)),
            choose.choice((None, *_JSON)),
            choose.randrange(-1, 1000),
            _moment(choose),
            _moment(choose),
        )
        for name in names
    ]
    number = len(names) * choose.randrange(4)
    messages = [
        message(
            f"{choose.choice(_TEXTS[:16])}m{n}", choose.choice(names), _role(choose), _words(choose), _moment(choose)
        )
        for n in range(number)
    ]
    return sessions, messages


def existing_types(seed: int) -> list[str]:
    """Return the statements that make some of the enums before the migration does."""
    choose = random.Random(f"types {seed}")
    labels = {
        "SessionType": ["LEARNING", "COPILOT", "QA"],
        "SessionStatus": ["ACTIVE", "ARCHIVED", "COMPLETED"],
        "ModeType": ["QA", "TUTOR", "COPILOT"],
        "MessageRole": list(ROLES),
    }
    made = []
    for name, values in labels.items():
        choose.shuffle(values)
        if choose.random() < 0.3:
            made.append(f'CREATE TYPE "{name}" AS ENUM ({", ".join(map(repr, values))})')
    return made


def _moment(choose: random.Random) -> str:
    if choose.random() < 0.1:
        return choose.choice(_MOMENTS)
    day = f"20{choose.randrange(10, 40)}-{choose.randrange(1, 13):02}-{choose.randrange(1, 29):02}"
    return f"{day} {choose.randrange(24):02}:{choose.randrange(60):02}:00{choose.choice(('', '.5', '.123'))}"


def _role(choose: random.Random) -> str:
    role, kind = choose.choice(ROLES), choose.random()
    if kind < 0.7:
        return role if kind < 0.4 else role.lower()
    return "".join(choose.choice((letter, letter.lower())) for letter in role)


def _words(choose: random.Random) -> str:
    if choose.random() < 0.002:
        return "megabyte" * 131_072
    return choose.choice((*_TEXTS, json.dumps(choose.choice(_TEXTS))))
