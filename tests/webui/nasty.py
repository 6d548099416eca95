"""Makes up legacy rows of every nasty kind that the merge survives; the same seed makes the same rows."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.webui.data import Dialect
from tests.webui.legacy import Rows, Value

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
    "'; DROP TABLE chat_messages; --",
    "%s ? :name $1 ${x} {0}",
    "NULL",
    "null",
    "0",
    "\u0001\u007f",
    "\ufffd",
    "x" * 5000,
)
_KEYS = (
    "title",
    "theme",
    "source",
    "original_source",
    "original_user_id",
    "original_metadata",
    "migrated_at",
    "conversation_mode",
    "execution_phase",
    "",
    "a.b",
    "a[0]",
    'quo"te',
    "back\\slash",
    "it's",
    "ключ 🔑",
    "$",
    "Title",
)
_NUMBERS = ("0", "-0", "1.0", "1.50", "12345678901234567890123456789", "1e30", "-2.5E-7", "9007199254740993", "true")
# What SQLite's text column may hold besides.
_NO_JSON = (
    "",
    "{",
    "{'a': 1}",
    "[1,]",
    "NaN",
    "01",
    "draft",
    '{"a":1} {"b":2}',
    "\ufeff{}",
    "null and void",
    "nul\0byte",
)
_ROLES = ("system", "user", "assistant", "tool")


class _Maker:
    def __init__(self, seed: int, dialect: Dialect) -> None:
        self._random = random.Random(f"webui {seed}")
        self._dialect = dialect

    def rows(self, *, common: bool) -> Rows:
        choose = self._random
        count = choose.choice((0, 1, 3, 12, 25))
        names = [f"{choose.choice(_TEXTS[:16])}{number}" for number in range(count)]
        old = [name for name in names if choose.random() < 0.6]
        chat = [name for name in names if choose.random() < 0.5]
        homes = [*names, "nowhere", "NOWHERE", ""]
        old_messages = [self._message(f"{choose.choice(_TEXTS[:16])}m{n}", homes, common) for n in range(count * 3)]
        chat_messages = [self._message(f"c{n}", homes, common) for n in range(count * 2)]
        # Some were copied by hand before: the same in all but the metadata.
        twins = [message for message in old_messages if choose.random() < 0.15]
        chat_messages += [(*message[:-1], self._metadata(common)) for message in twins]
        return {
            "chat_sessions": [self._chat_session(name, common) for name in chat],
            "chat_messages": chat_messages,
            "webui_sessions": [self._old_session(name, common) for name in old],
            "webui_messages": old_messages,
        }

    def _chat_session(self, name: str, common: bool) -> tuple[Value, ...]:
        choose = self._random
        times = [None if choose.random() < 0.2 else self._time(common) for _ in range(2)]
        return (name, choose.choice(_TEXTS), choose.choice((None, "t-1", "")), *times, self._metadata(common))

    def _old_session(self, name: str, common: bool) -> tuple[Value, ...]:
        times = self._time(common), self._time(common)
        return (name, self._random.choice(_TEXTS), *times, self._metadata(common))

    def _message(self, name: str, homes: list[str], common: bool) -> tuple[Value, ...]:
        choose = self._random
        content = choose.choice(_TEXTS)
        return (name, choose.choice(homes), choose.choice(_ROLES), content, self._time(common), self._metadata(common))

    def _time(self, common: bool) -> str:
        choose = self._random
        day = f"20{choose.randrange(10, 40)}-{choose.randrange(1, 13):02}-{choose.randrange(1, 29):02}"
        clock = f"{choose.randrange(24):02}:{choose.randrange(60):02}:{choose.randrange(60):02}"
        fraction = choose.choice(("", "", ".5", ".123456"))
        if common:
            return f"{day} {clock}{fraction}+00:00"
        offset = choose.choice(("Z", "+00:00", "-02:00", "+14:00", "+0530", "-03"))
        moment = f"{day}{choose.choice(' T')}{clock}{fraction}{offset}"
        if self._dialect == "postgres":
            return choose.choice((moment, moment, moment, "infinity", "-infinity"))
        return choose.choice((moment, f"{day} {clock}", day, "yesterday", "", " ", "1767225600"))

    def _metadata(self, common: bool) -> Value:
        choose = self._random
        kind = choose.random()
        if kind < 0.15:
            return None
        if kind < 0.35 and self._dialect == "sqlite" and not common:
            return choose.choice((*_NO_JSON, b"\x00\xff", '{"source": 1, "source": 2}', '{"a": 1, "a": 2}'))
        if kind < 0.5:
            return self._json(2)
        return self._object(2)

    def _object(self, depth: int) -> str:
        keys = self._random.sample(_KEYS, self._random.randrange(5))
        return "{" + ", ".join(f"{self._text(key)}: {self._json(depth)}" for key in keys) + "}"

    def _json(self, depth: int) -> str:
        choose = self._random
        kind = choose.randrange(6 if depth else 4)
        if kind == 4:
            return "[" + ", ".join(self._json(depth - 1) for _ in range(choose.randrange(4))) + "]"
        if kind == 5:
            return self._object(depth - 1)
        return choose.choice(_NUMBERS) if kind == 0 else "null" if kind == 1 else self._text(choose.choice(_TEXTS))

    def _text(self, text: Any) -> str:
        return json.dumps(text, ensure_ascii=self._random.random() < 0.5)


def nasty_rows(seed: int, dialect: Dialect, *, common: bool = False) -> Rows:
    """Return rows for each of the four tables.

    Args:
        seed: which ones.
        dialect: whose peculiarities may occur: text that is no JSON and times of any form, or infinity.
        common: only what both databases hold; the rows then are the same for both.
    """
    return _Maker(seed, dialect).rows(common=common)
