"""Names the tokens of a script, as the database itself would read them.

Knows the quotes and comments of both dialects, and nothing of statements. One regex a dialect names the
tokens; only block comments and dollar quotes are closed by hand, as the one nests and the other ends where
its own tag stands again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sessmig.model import Dialect

Token = tuple[str, int, int]
"""A kind, and the offsets where it begins and ends."""

# Every byte above 0x7f is a letter of a name, in SQLite and in PostgreSQL (scan.l, tokenize.c). The sets are told by
# what is not in them, all of it ASCII: sets that reach up to U+10FFFF take Python milliseconds each to compile.
_LETTER = r"[^\x00-@\[-^`{-\x7f]"
_LETTER_OR_DIGIT = r"[^\x00-/:-@\[-^`{-\x7f]"
IN_NAME = r"[^\x00-#%-/:-@\[-^`{-\x7f]"

# The loops are unrolled and possessive: a literal of 5 MB is read at the speed of memchr, and one that
# is never closed fails where it opened, instead of giving back its doubled quotes one by one.
_PLAIN = r"'[^']*(?:''[^']*)*+'"
_ESCAPED = r"'[^'\\]*(?:(?:''|\\.)[^'\\]*)*+'"
# After a line break a literal goes on in the next quotes, with the rules of the first (`quotecontinue`).
_GOES_ON = r"[ \t\f\v]*(?:--[^\n\r]*+)?[\n\r](?:[ \t\n\r\f\v]++|--[^\n\r]*+[\n\r])*+"
# Names may hold `$`, so only there no dollar quote opens. (After a number one would, which is never SQL.)
# `E` is a prefix only as a word of its own: in `type'x'` it is not.
_AFTER_E = rf"(?<=(?<!{IN_NAME})[eE])"
_NOT_AFTER_E = rf"(?<!(?<!{IN_NAME})[eE])"

_GRAMMAR: dict[Dialect, re.Pattern[str]] = {
    "sqlite": re.compile(
        # A BOM between statements, left by joining files, is a blank to SQLite (CC_BOM in tokenize.c).
        r"""(?P<blank>[ \t\n\r\f\ufeff]+)"""
        r"""|(?P<run>[^'"`[;\\/-]+)"""
        r"""|(?P<comment>--[^\n]*)|(?P<block>/\*)"""
        rf"""|(?P<string>{_PLAIN})"""
        r"""|(?P<name>"[^"]*(?:""[^"]*)*+"|`[^`]*(?:``[^`]*)*+`|\[[^\]]*\])"""
        r"""|(?P<semicolon>;)|(?P<backslash>\\)|(?P<dull>[-/])|(?P<open>.)""",
        re.DOTALL,
    ),
    "postgres": re.compile(
        r"""(?P<blank>[ \t\n\r\f\v]+)"""
        rf"""|(?P<run>[^'"$;\\/-]+(?:(?<={IN_NAME})\$[^'"$;\\/-]*)*+)"""
        r"""|(?P<comment>--[^\n\r]*)|(?P<block>/\*)"""
        rf"""|(?P<string>{_NOT_AFTER_E}{_PLAIN}|{_AFTER_E}{_ESCAPED}(?:{_GOES_ON}{_ESCAPED})*+(?!{_GOES_ON}'))"""
        r"""|(?P<name>"[^"]*(?:""[^"]*)*+")"""
        rf"""|(?P<dollar>(?<!{_LETTER_OR_DIGIT})\$(?:{_LETTER}{_LETTER_OR_DIGIT}*)?\$)"""
        r"""|(?P<semicolon>;)|(?P<backslash>\\)|(?P<dull>[-/$])|(?P<open>.)""",
        re.DOTALL,
    ),
}
_MARK = re.compile(rf"(?<!{IN_NAME})\ufeff")
_NESTING = re.compile(r"/\*|\*/")
_ATOM = re.compile(rf"(?P<word>{_LETTER}{IN_NAME}*)|(?P<number>[0-9][0-9A-Za-z_.]*)|(?P<sign>[^ \t\n\r\f\v])")


def tokens(text: str, dialect: Dialect, at: int = 0) -> Iterator[Token]:
    """Yield the tokens of a text from an offset on; side by side they are the text.

    Kinds: blank, comment, run (plain text, unquoted), string, name (quoted), semicolon, backslash, and
    open: a quote or comment that is never closed, always the last token.
    """
    match = _GRAMMAR[dialect].match
    while found := match(text, at):
        kind, start, at = found.lastgroup or "", at, found.end()
        if kind == "block":
            kind, at = "comment", _comment_end(text, dialect, start)
        elif kind == "dollar":
            close = text.find(found.group(), at)
            kind, at = "string", close + len(found.group()) if close >= 0 else -1
        elif kind == "open":
            at = -1
        elif kind == "dull":
            kind = "run"
        if at < 0:
            yield "open", start, len(text)
            return
        yield kind, start, at


def _comment_end(text: str, dialect: Dialect, start: int) -> int:
    """Return where the comment that opens at `start` ends, or -1."""
    if dialect == "sqlite":
        close = text.find("*/", start + 2)
        return close + 2 if close >= 0 else -1
    depth = 0
    for bracket in _NESTING.finditer(text, start):
        depth += 1 if bracket.group() == "/*" else -1
        if not depth:
            return bracket.end()
    return -1


def atoms(text: str, dialect: Dialect, at: int = 0) -> Iterator[Token]:
    """Yield what a statement is made of, without blanks and comments.

    Kinds: word, number, sign (one character, also the semicolon), string, name, backslash, open. The
    prefix of a literal (`E`, `N`, `X`, `B`, `U&`) is no word.
    """
    for kind, start, end in tokens(text, dialect, at):
        if kind == "run":
            for atom in _ATOM.finditer(text, start, end):
                if atom.lastgroup != "word" or not _is_prefix(text, atom.start(), atom.end()):
                    yield atom.lastgroup or "", atom.start(), atom.end()
        elif kind == "semicolon":
            yield "sign", start, end
        elif kind not in ("blank", "comment"):
            yield kind, start, end


def _is_prefix(text: str, start: int, end: int) -> bool:
    if end - start != 1:
        return False
    return (text[start] in "eEnNxXbB" and text[end : end + 1] == "'") or (
        text[start] in "uU" and text[end : end + 2] in ("&'", '&"')
    )


def only_names(text: str, dialect: Dialect) -> str:
    """Write the double-quoted names of a query so that they can be nothing else.

    SQLite takes "nmae" for a text where no column has that name, and a check with such a slip would hold for ever;
    `nmae` is always a name. See https://sqlite.org/quirks.html#double_quoted_string_literals_are_accepted
    """
    if dialect != "sqlite" or '"' not in text:
        return text
    parts = []
    for kind, start, end in tokens(text, dialect):
        part = text[start:end]
        if kind == "name" and part[0] == '"':
            part = "`" + part[1:-1].replace('""', '"').replace("`", "``") + "`"
        parts.append(part)
    return "".join(parts)


def stray_mark(text: str, start: int, end: int) -> int | None:
    """Return where between two words a BOM stands: a blank to SQLite, a letter to all others, and seen by nobody."""
    if text.find("\ufeff", start, end) < 0:
        return None
    for kind, at, until in tokens(text, "sqlite", start):
        if at >= end:
            break
        if kind in ("run", "blank") and (mark := _MARK.search(text, at, until)):
            return mark.start()
    return None
