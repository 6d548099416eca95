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
    # Each line by itself, so that a line number in front of it has no colour.
    return "\n".join("".join(painted(code, part) for code, part in line) for line in lines(text))


def painted(code: str, text: str) -> str:
    """Return a text in a colour of `lines`."""
    return f"\x1b[{code}m{text}{_RESET}" if code and text.strip() else text


def lines(text: str) -> list[list[tuple[str, str]]]:
    """Return the lines of a text in parts, each with its colour; with none where sqlparse does not give it whole."""
    found: list[list[tuple[str, str]]] = [[]]
    for code, value in _parts(text):
        first, *more = value.split("\n")
        found[-1].append((code, first))
        found += [[(code, line)] for line in more]
    return found


def _parts(text: str) -> list[tuple[str, str]]:
    whole = [("", text)]
    if len(text) > _LONGEST:
        return whole
    try:
        from sqlparse.lexer import Lexer

        # Not `sqlparse.parse`, which builds a tree of all of it.
        found = list(islice(Lexer.get_default_instance().get_tokens(text), _MOST + 1))  # type: ignore[no-untyped-call]
        if len(found) > _MOST or "".join(value for _, value in found) != text:
            return whole
        return [(_code(str(kind)), value) for kind, value in found]
    except Exception:  # whatever it is that sqlparse cannot do, the text itself is what matters
        return whole


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


def _code(kind: str) -> str:
    kind = kind.removeprefix("Token.")
    codes = {"Comment": "2", "Literal.String": "32", "Literal.Number": "36", "Keyword": "1;34"}
    return next((code for name, code in codes.items() if kind.startswith(name)), "")
