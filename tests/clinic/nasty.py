"""Makes up clinic databases of every nasty kind that the migration survives; the same seed makes the same rows."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from tests.clinic.data import ADDED, DERMA, FLAGS, JSON, LAST_MESSAGE, OLD, SHARED, Dialect, Row, Rows, message, session
from tests.clinic.data import user as user_row

_TEXTS = (
    "",
    " ",
    "plain",
    "O'Brien ''twice''",
    'say "hi"',
    "C:\\temp\\",
    "line\nbreak\r\n\ttab",
    "🗺️ 👩‍👩‍👧 𝔘𝔫𝔦",
    "مرحبا שלום \u202e",
    "e\u0301 \u00e9 \u200b\u2028\ufeff",
    "'; DROP TABLE messages; --",
    "%s ? :name $1 ${x} {0}",
    "NULL",
    "null",
    "0",
    "true",
    "[]",
    '{"a": 1}',
    '["not", "a list"]',
    "\u0001\u007f",
    "\ufffd",
    "x" * 3000,
)
# What is said again and again: that is what the old script dropped.
_SAID = ("好的", "好的", "ok", "ok ", "OK", "Yes.", "🗺️", "שלום")
_STAGES = (None, "", "asking", "completed", "completed", "Completed", "completed ")
_ROLES = ("user", "user", "assistant", "assistant", "ai", "system", "tool", "doctor", "AI", "", None, 7)
_TASKS = (None, "", "skin_analysis", "analyze_skin", "report_interpret", "text", "Skin_Analysis", "image", 3)
_MOMENTS = ("2026-01-05 12:00:00", "2026-01-05 12:00:01", "2025-12-31 23:59:59", "2024-02-29 00:00:00")
# What is no ISO time; one of the databases, or both, would read each of them as some time.
_NO_TIMES: tuple[Any, ...] = (
    None,
    "",
    " ",
    "yesterday",
    "now",
    "today",
    "epoch",
    "infinity",
    "2460000.5",
    "1767225600",
    1767225600,
    1767225600.5,
    True,
    [],
    {"at": "2026-01-05"},
    "2026-02-30 12:00:00",
    "2026-13-01 12:00:00",
    "2026-01-05 25:00:00",
    "2026-01-05 12:00:00 PST",
    "05.01.2026 12:00",
    "12:00:00",
    "2026-01-05 12:00:00; --",
    "2026-01-05",
    "2026-1-5 12:00:00",
    "20260105T120000Z",
    "2026-01-05T24:00:00Z",
    "2026-01-05T23:59:60Z",
    " 2026-01-05 12:00:00",
    "2026-01-05T12:00:00Z\n",
    "2026-01-05 12:00:00,5",
    "2026-01-05 12:00:00.",
    "2026-01-05  12:00:00",
    "2026-01-05T12:00:00+8",
    "1900-02-29T12:00:00Z",
    "0000-01-01 00:00:00",
    "\uff12026-01-05 12:00:00",
)
# What SQLite's text columns for JSON may hold besides.
_NO_JSON = (
    "",
    "",
    "  ",
    "{",
    "{'a': 1}",
    "[1,]",
    "[] []",
    "NaN",
    "01",
    "itching, redness",
    "\ufeff[]",
    "null and void",
    "['user: hi']",
)
_NUMBERS = ("0", "-0", "1.0", "1.50", "12345678901234567890123456789", "1e30", "-2.5E-7", "9007199254740993", "true")
_KEYS = ("a", "", "a.b", "a[0]", 'quo"te', "back\\slash", "it's", "ключ 🔑", "$", "content", "migrated_from", "A")


class _Maker:
    def __init__(self, seed: int, dialect: Dialect, common: bool) -> None:
        self._seed = seed
        self._random = random.Random(f"clinic {seed}")
        self._loose = dialect == "sqlite" and not common
        # PostgreSQL has no NUL in a text.
        self._texts = (*_TEXTS, "nul\0byte", "nul\0bit") if self._loose else _TEXTS

    def rows(self, count: int) -> Rows:
        choose = self._random
        names = [f"{choose.choice(_TEXTS[:21])}{number}" for number in range(count)]
        names += [name.upper() for name in names if name.upper() != name and choose.random() < 0.2]
        old: Rows = {table: [self._old(table, name) for name in names if choose.random() < 0.45] for table in OLD}
        if self._seed % 100 == 3:
            old[DERMA][:1] = [self._old(DERMA, "long", self._long())]
        standing = [name for name in names if choose.random() < 0.25]
        said = [self._message(choose.choice(standing)) for _ in range(count) if standing]
        for table in OLD:
            for row in old[table]:
                if row["id"] in standing:
                    said += self._twins(row)
        choose.shuffle(said)
        return {
            "users": [user_row(number) for number in (1, 2, 3)],
            "sessions": [self._session(name) for name in standing],
            "messages": said,
            **old,
        }

    def _old(self, table: str, name: str, messages: str | None = None) -> Row:
        choose = self._random
        row: Row = {"id": name, "user_id": choose.choice((1, 2, 3))}
        for column in dict.fromkeys((*SHARED, *ADDED[table], LAST_MESSAGE[table], "quick_options")):
            row[column] = self._cell(column)
        row["messages"] = self._messages() if messages is None else messages
        row["created_at"], row["updated_at"] = self._time(), self._time()
        return row

    def _cell(self, column: str) -> Any:
        choose = self._random
        if column in JSON:
            return self._json_cell()
        if column in FLAGS:
            return choose.choice((None, True, False))
        if column in ("progress", "questions_asked"):
            return choose.choice((None, 0, 1, 100, -5, 2_147_483_647))
        if column == "stage":
            return choose.choice(_STAGES)
        if column == "risk_level":
            return choose.choice((None, "", "low", "medium", "high", "🔥"))
        return choose.choice((None, *self._texts))

    def _json_cell(self) -> str | None:
        choose = self._random
        kind = choose.random()
        if kind < 0.15:
            return None
        if kind < 0.3:
            return choose.choice(("null", " null\n", "[]", "{}", '""', '"null"', "0", "false"))
        if self._loose and kind < 0.5:
            return choose.choice(_NO_JSON)
        return self._json(2)

    def _messages(self) -> str | None:
        choose = self._random
        kind = choose.random()
        if kind < 0.12:
            return self._json_cell()
        said = [self._element() for _ in range(choose.randrange(7))]
        if said and choose.random() < 0.6:  # the same, wherever it stands, once or more
            said += choose.choices(said, k=choose.randrange(1, 4))
            choose.shuffle(said)
        return f"[{', '.join(said)}]"

    def _element(self) -> str:
        choose = self._random
        if choose.random() < 0.05:
            return choose.choice(("null", "[]", "{}", "7", '"only text"', '[{"content": "too deep"}]'))
        pairs = [
            ("role", choose.choice(_ROLES)),
            ("content", choose.choice((*_SAID, *_SAID, *self._texts, None, "", 42))),
            ("timestamp", self._timestamp()),
            ("task_type", choose.choice(_TASKS)),
            ("attachments", ["a.png", {"n": 1.50}]),
        ]
        kept = [(key, value) for key, value in pairs if choose.random() < 0.9]
        choose.shuffle(kept)
        if choose.random() < 0.05:  # a key twice
            kept += [(key, choose.choice((value, "twice", None))) for key, value in kept[:2]]
        return "{" + ", ".join(f"{self._text(key)}: {self._text(value)}" for key, value in kept) + "}"

    def _timestamp(self) -> Any:
        choose = self._random
        if choose.random() < 0.25:
            return choose.choice(_NO_TIMES)
        day, clock = choose.choice(_MOMENTS).split()
        fraction = choose.choice(("", "", ".5", ".500", ".123", ".123456", ".123457", ".000001", ".123456789"))
        zone = choose.choice(("", "", "Z", "Z", "+00:00", "+08:00", "-02:30", "+0530", "-03"))
        if choose.random() < 0.05:
            clock, fraction = clock[:5], ""
        return f"{day}{choose.choice('TT ')}{clock}{fraction}{zone}"

    def _long(self) -> str:
        """Say a megabyte, twice."""
        content = json.dumps("長い話 🗺️ " * 80_000)
        return f'[{{"role": "user", "content": {content}}}, {{"role": "user", "content": {content}}}]'

    def _twins(self, row: Row) -> list[Row]:
        """Return some of what an old row says as messages of the target, and some that only look so."""
        choose = self._random
        try:
            elements = json.loads(row["messages"])
        except (TypeError, ValueError):
            return []
        found = []
        for element in elements if isinstance(elements, list) else []:
            if not isinstance(element, dict) or choose.random() < 0.4:
                continue
            at, content = element.get("timestamp"), element.get("content")
            if isinstance(at, str) and at[:3] in ("202",) and at not in _NO_TIMES and isinstance(content, str):
                at = re.sub(r"([.]\d{6})\d+", r"\1", at)
                if not self._loose and at[-1:].isdigit() and "+" not in at and at.count("-") == 2:
                    at += "Z"  # a server reads a time without a zone in its own
                sender = "ai" if element.get("role") in ("assistant", "ai", "system") else "user"
                found.append(message(row["id"], content, sender=sender, created_at=at))
                if choose.random() < 0.2:
                    found.append(found[-1] | {"sender": choose.choice(("user", "ai"))})
        return found

    def _session(self, name: str) -> Row:
        choose = self._random
        own = choose.choice((None, '{"own": 1}', "[]", "null", *(("", "no JSON") if self._loose else ())))
        times = {"created_at": self._time(), "updated_at": self._time()}
        return session(name, user_id=choose.choice((1, 2, 3)), agent_state=own, **times)

    def _message(self, name: str) -> Row:
        choose = self._random
        data = choose.choice((None, '{"own": 1}', "[]", "null", *(("", "no JSON") if self._loose else ())))
        sender, content = choose.choice(("user", "ai")), choose.choice((*_SAID, *self._texts))
        return message(name, content, sender=sender, structured_data=data, created_at=self._time())

    def _time(self) -> str | None:
        choose = self._random
        moment = choose.choice(_MOMENTS)
        kind = choose.random()
        if kind < 0.08:
            return None
        if not self._loose:
            return f"{moment}{choose.choice(('', '.5', '.123456'))}+00:00"
        if kind < 0.2:
            return choose.choice(("yesterday", "", " ", "1767225600", "2026-01-05", "now"))
        day, clock = moment.split()
        return f"{day}{choose.choice('T  ')}{clock}{choose.choice(('', '.5', '.123456', 'Z', '+00:00', '+02:00'))}"

    def _json(self, depth: int) -> str:
        choose = self._random
        kind = choose.randrange(6 if depth else 4)
        if kind == 4:
            return "[" + ", ".join(self._json(depth - 1) for _ in range(choose.randrange(4))) + "]"
        if kind == 5:
            keys = choose.sample(_KEYS, choose.randrange(4))
            return "{" + ", ".join(f"{self._text(key)}: {self._json(depth - 1)}" for key in keys) + "}"
        return choose.choice(_NUMBERS) if kind == 0 else "null" if kind == 1 else self._text(choose.choice(self._texts))

    def _text(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=self._random.random() < 0.5)


def nasty_rows(seed: int, dialect: Dialect, *, common: bool = False, count: int = 25) -> Rows:
    """Return rows for each of the five tables.

    Args:
        seed: which ones.
        dialect: whose peculiarities may occur: text that is no JSON, and times of any form.
        common: only what both databases hold; the rows then are the same for both.
        count: about how many sessions.
    """
    return _Maker(seed, dialect, common).rows(count)
