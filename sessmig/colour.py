"""Colours SQL for a terminal and lays it out, by sqlparse; where that is in doubt, the text stays as it is.

Knows SQL's look only: what is run, the lexer decides. sqlparse raises above 10,000 tokens, and guesses.
"""

from __future__ import annotations

from itertools import islice

_MOST = 10_000
"""So many tokens are coloured."""
_LONGEST = 200_000
"""Of a longer text not even the tokens are counted."""
_RESET = "\x1b[0m"


def coloured(text: str) -> str:
    """Return a text with the colours of a terminal; as it is where sqlparse does not give it back whole."""
    if len(text) > _LONGEST:
        return text
    try:
        from sqlparse.lexer import Lexer

        # Not `sqlparse.parse`, which builds a tree of all of it.
        found = list(islice(Lexer.get_default_instance().get_tokens(text), _MOST + 1))  # type: ignore[no-untyped-call]
        if len(found) > _MOST or "".join(value for _, value in found) != text:
            return text
        return "".join(_painted(str(kind), value) for kind, value in found)
    except Exception:  # whatever it is that sqlparse cannot do, the text itself is what matters
        return text


def laid_out(text: str) -> str:
    """Return one statement laid out over several lines; as it is where more than its blanks would change."""
    if len(text) > _LONGEST // 10 or "\n" in text.strip():
        return text
    try:
        import sqlparse

        found: str = sqlparse.format(text, reindent=True, wrap_after=90)
    except Exception:  # see above
        return text
    return found if "".join(found.split()) == "".join(text.split()) else text


def _painted(kind: str, value: str) -> str:
    kind = kind.removeprefix("Token.")
    code = (
        "2"
        if kind.startswith("Comment")
        else "32"
        if kind.startswith("Literal.String")
        else "36"
        if kind.startswith("Literal.Number")
        else "1;34"
        if kind.startswith("Keyword")
        else ""
    )
    if not code or not value.strip():
        return value
    # Each line by itself, so that a line number in front of it has no colour.
    return "\n".join(f"\x1b[{code}m{line}{_RESET}" if line else line for line in value.split("\n"))
