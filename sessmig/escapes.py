"""Makes text fit to be shown: control characters can be seen, and Markdown takes nothing in it for its own.

Knows characters; knows nothing of migrations. HTML is escaped by Jinja2, in the template.
"""

from __future__ import annotations

import json
import re
from typing import Any

_SIGNS = re.compile(r"([\\`*_{}\[\]<>|~&$])")
_AT_ITS_HEAD = re.compile(r"^(?:(\d+)(?=[.)])|(?=[#+\-=]))")
_LINKING = re.compile(
    r"(?<=[@#])(?=\w)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=mailto)(?=:)|(?<!\d:)(?<=:)(?=[\w+\-]+:)", re.IGNORECASE
)
_HOLD = "\ue000"  # of nobody's use: what it stands for must not be escaped itself
_APART = "<!-- -->"
"""What GitHub would link or draw (@name, #12, https://, :smile:) it does not, if there is a comment in it."""


def visible(text: object) -> str:
    """Return a text with its control characters, and others that nobody sees, as escapes; lines stay lines."""
    lines = str(text).replace("\r\n", "\n").split("\n")
    return "\n".join(map(_seen, lines))


def one_line(text: object) -> str:
    """Return a text on one line, its line ends as escapes too."""
    return _seen(str(text))


def _seen(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text)


def markdown(text: object) -> str:
    """Return a text as Markdown that shows it as it is, on one line."""
    bare = " ".join(visible(text).split()).replace(_HOLD, "")
    held = _SIGNS.sub(r"\\\1", _LINKING.sub(_HOLD, bare))
    return _AT_ITS_HEAD.sub(r"\1\\", held).replace(_HOLD, _APART)


def code(text: object) -> str:
    """Return a text as a code span, on one line, that may stand in a table too."""
    bare = " ".join(visible(text).split())
    if not bare:
        return ""
    if "|" in bare or "\\" in bare or "`" in bare:  # which no code span in a table can show as they are
        return f"<code>{html(bare)}</code>"
    return f"`{bare}`"


def html(text: str) -> str:
    """Return a text as the inside of an HTML element in Markdown: every sign that means something, by its number."""
    return re.sub(r"[^\w \-]|_", lambda found: f"&#{ord(found[0])};", text)


def json_text(value: Any) -> str:
    """Return a value as JSON; what a terminal would take for its own is written as escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def fenced(text: object, language: str = "") -> list[str]:
    """Return the lines of a code block; its fence is longer than any in the text."""
    lines = visible(text).split("\n")
    longest = max((len(run) for run in re.findall(r"`+", "\n".join(lines))), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + language, *lines, fence]
