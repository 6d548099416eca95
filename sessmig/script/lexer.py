"""Cuts a script into statements, as the database itself would read it.

Knows where a statement ends, blocks with semicolons of their own included; knows nothing of what it means,
of directives, or of databases.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn

from sessmig.errors import FileError
from sessmig.model import Dialect, Piece
from sessmig.script.tokens import IN_NAME, atoms, stray_mark, tokens


@dataclass(frozen=True, slots=True)
class _Source:
    text: str
    dialect: Dialect
    path: Path
    start: int = 0
    """Where the line `first` begins or goes on."""
    first: int = 1

    def line(self, offset: int) -> int:
        return self.text.count("\n", self.start, offset) + self.first

    def refuse(self, reason: str, offset: int, remedy: str) -> NoReturn:
        raise FileError(self.path, reason, line=self.line(offset), remedy=remedy)


def split(text: str, dialect: Dialect, path: Path) -> list[Piece]:
    """Cut a script into pieces which, joined, are the script.

    Raises FileError for what would make the cut a guess: a quote, comment or block that is never
    closed, a command of psql or the sqlite3 shell, `COPY … FROM STDIN`, and
    `standard_conforming_strings` switched off, after which quotes mean something else.
    """
    source = _Source(text, dialect, path)
    pieces: list[Piece] = []
    start, line = 0, 1
    while start < len(text):
        piece = _piece(source, start, line)
        pieces.append(piece)
        line += text.count("\n", start, piece.end)
        start = piece.end
    return pieces


def next_piece(text: str, start: int, dialect: Dialect, path: Path, *, offset: int, line: int) -> Piece:
    """Cut the next piece of a script of which only a part is held; where it ends with that, it need not be whole.

    Args:
        text: the part.
        start: where in it the piece begins, which is no INSERT of plain values.
        dialect: how it is read.
        path: the file, for messages.
        offset: where in the script it begins.
        line: the line of it.

    Raises:
        FileError: as `split` does; where more of the script follows, that may mend it.
    """
    return _other_piece(_Source(text, dialect, path, start, line), start, offset, line)


def _piece(source: _Source, start: int, line: int) -> Piece:
    found = plain(source.text, start)
    if found and found[2]:
        return Piece(found[0], start, line, found.start(1) - start, is_plain=True)
    return _other_piece(source, start, start, line)


def _other_piece(source: _Source, start: int, offset: int, line: int) -> Piece:
    body, end = _bounds(source, start)
    piece = Piece(source.text[start:end], offset, line, body - start)
    if source.dialect == "sqlite" and piece.is_statement:
        if (mark := stray_mark(source.text, body, end)) is not None:
            reason = "a byte order mark (U+FEFF) stands within a statement"
            source.refuse(reason, mark, "Remove it: it is left over where files were joined.")
        _demand_complete(source, piece.statement, body)
    return piece


# What both databases read in one way only, at a glance; every letter in it that is no name and no text ends the match.
# As pg_dump, the sqlite3 shell and people write them: names in quotes, with a schema, true, 1.5e-7 and X'00' too.
_NAME = r'(?:[A-Za-z_]\w*+|"[A-Za-z_]\w*+")'
_PLAIN = (
    rf"""[ \t\r\n]*+(INSERT[ \t]+INTO[ \t]+{_NAME}(?:\.{_NAME})?[ \t]*"""
    rf"""(?:\((?:[ \t,]++|{_NAME})*+\)[ \t\r\n]*)?(?<!\w)VALUES\b)"""
    r"""(?:[ \t\r\n(),0-9.+]++|-(?!-)|\b(?:NULL|TRUE|FALSE)\b"""
    r"""|(?<!\w)X?'[^']*+(?:''[^']*+)*+'|(?<=[0-9.])E[-+]?[0-9])*+"""
)
_BEGUN = r"(?:(?<!\w)X?'(?:[^']|'')*+|[-A-Z]{0,5}+)\Z"
plain = re.compile(f"{_PLAIN}(?:(;)|{_BEGUN})", re.IGNORECASE | re.ASCII).match
"""Finds an INSERT of plain values at a place in a text.

Its groups are what stands before the values, and the semicolon; none where the text ends before that.
"""
_SPECIAL = re.compile(rf"(?:create|explain|copy|set|select)(?!{IN_NAME})|\.", re.IGNORECASE)


def _bounds(source: _Source, start: int) -> tuple[int, int]:
    """Return where the statement of the piece at `start` begins, and where the piece ends."""
    body = -1
    for kind, at, end in tokens(source.text, source.dialect, start):
        if kind == "semicolon":
            return (body if body >= 0 else end), end
        if kind in ("blank", "comment"):
            continue
        if kind in ("open", "backslash"):
            _refuse_token(source, kind, at)
        if body < 0:
            body = at
            if _SPECIAL.match(source.text, at):
                _refuse_special(source, at)
                if block := _block(source, at):
                    return at, _block_end(source, at, block)
    return (body if body >= 0 else len(source.text)), len(source.text)


def _block(source: _Source, body: int) -> str:
    """Name the kind of statement that may hold semicolons of its own: TRIGGER, ATOMIC, RULE or ''."""
    if source.text[body] not in "cCeE":
        return ""
    head = ""
    for kind, start, end in islice(atoms(source.text, source.dialect, body), 6):
        head += source.text[start:end].upper() + " " if kind == "word" else ""
    if source.dialect == "sqlite":
        return "TRIGGER" if re.match(r"(EXPLAIN (QUERY PLAN )?)?CREATE (TEMP |TEMPORARY )?TRIGGER ", head) else ""
    found = re.match(r"CREATE (OR REPLACE )?(FUNCTION|PROCEDURE|RULE) ", head)
    return "" if not found else "RULE" if found.group(2) == "RULE" else "ATOMIC"


@dataclass(slots=True)
class _Block:
    """Follows a statement that may hold semicolons of its own, until it may end."""

    kind: str
    opened: int = -1
    """Where the BEGIN or the parenthesis stands that is not closed yet."""
    first: bool = False
    """The next atom is the first of an inner statement."""
    depth: int = 0
    before: str = ""

    def read(self, atom: str, at: int) -> None:
        first, self.first = self.first, False
        before, self.before = self.before, atom
        if self.kind == "RULE" or self.opened < 0:
            self.depth = max(0, self.depth + (atom == "(") - (atom == ")"))
        if self.kind == "RULE":
            if self.depth == 0 or self.opened < 0:
                self.opened = at if self.depth else -1
        elif first and atom == "END":
            self.kind, self.opened = "closed", -1
        elif self.kind == "TRIGGER" and atom == "BEGIN" and not first:
            self.opened = at if self.opened < 0 else self.opened
        elif self.kind == "ATOMIC" and self.opened < 0 and (before, atom) == ("BEGIN", "ATOMIC") and not self.depth:
            self.opened, self.first = at, True


def _block_end(source: _Source, body: int, kind: str) -> int:
    """Return where a statement that may hold semicolons of its own ends.

    A BEGIN block closes only at an END that is the first word of an inner statement: the END of a CASE
    never is, whatever columns are called. A rule's actions stand in parentheses. An inner CREATE, ALTER
    or DROP is none: it is the next statement, and the block before it was never closed.
    """
    block = _Block(kind)
    for mark, start, end in atoms(source.text, source.dialect, body):
        if mark in ("open", "backslash"):
            _refuse_token(source, mark, start)
        atom = source.text[start:end].upper() if mark in ("sign", "word") else ""
        if atom == ";":
            if block.opened < 0:
                return end
            block.first = True
        elif block.first and atom in ("CREATE", "ALTER", "DROP"):
            _refuse_block(source, block, f"before the {atom} in line {source.line(start)}")
        else:
            block.read(atom, start)
    if block.opened >= 0:
        _refuse_block(source, block, "before the end of the file")
    return len(source.text)


def _demand_complete(source: _Source, statement: str, body: int) -> None:
    """Ask SQLite itself; a last statement without its semicolon is asked with one.

    Its state machine knows triggers only by `;END;`, which leaves two things that are cut here and are
    none: a trigger without BEGIN, and one with more behind its END.
    """
    if sqlite3.complete_statement(statement) or sqlite3.complete_statement(statement + "\n;"):
        return
    source.refuse(
        "SQLite does not take this for a whole statement",
        body,
        "A trigger ends with `END;`, behind a BEGIN and at least one statement with its semicolon.",
    )


_UNCLOSED = {
    "'": ("the quote ' that opens here", "Close it, and write a quote inside text twice: 'it''s'."),
    '"': ('the quote " that opens here', 'Close it, and write a quote inside a name twice: "a""b".'),
    "`": ("the quote ` that opens here", "Close it, and write a quote inside a name twice."),
    "[": ("the bracket [ that opens here", "Close it with ]."),
    "/": (
        "the comment /* that opens here",
        "Close it with */; in PostgreSQL comments nest, and each /* needs its own.",
    ),
    "$": ("the dollar quote {} that opens here", "Close it with {}, in the same letters."),
}
_COMMANDS = {
    r"\.": "It ends the data of a COPY; write the rows as INSERT … VALUES.",
    r"\restrict": "Plain pg_dump output needs psql; use pg_dump -Fc and pg_restore.",
    r"\unrestrict": "Plain pg_dump output needs psql; use pg_dump -Fc and pg_restore.",
    r"\gexec": "Write `-- sessmig: run-each-row` above the query.",
}


def _refuse_token(source: _Source, kind: str, start: int) -> NoReturn:
    word = source.text[start : start + 80]
    if kind == "backslash":
        name = re.split(r"[\s;]", word, maxsplit=1)[0]
        remedy = _COMMANDS.get(name, "Write it as SQL.")
        source.refuse(f"`{name}` is not SQL; commands with a backslash are known to psql alone", start, remedy)
    what, remedy = _UNCLOSED[word[0]]
    tag = "$" + word[1:].partition("$")[0] + "$"
    source.refuse(f"{what.format(tag)} is never closed", start, remedy.format(tag))


def _refuse_block(source: _Source, block: _Block, before: str) -> NoReturn:
    if block.kind == "RULE":
        source.refuse(f"the parenthesis that opens here is not closed {before}", block.opened, "Close it with ).")
    source.refuse(
        f"the BEGIN block that opens here is not closed {before}",
        block.opened,
        "End it with `END;`, as a statement of its own behind the last semicolon.",
    )


_SETTING = "standard_conforming_strings"
_STANDARD_STRINGS_OFF = re.compile(
    rf"(?:SET (?:SESSION |LOCAL )?{_SETTING} (?:=|TO)|SELECT (?:pg_catalog \. )?set_config \( {_SETTING} ,)"
    r" (?:off?|f|fa|fal|fals|false|no?|0)(?: |$)",  # whatever parse_bool takes for false
    re.IGNORECASE,
)


def _refuse_special(source: _Source, body: int) -> None:
    """Refuse what, once run or read on, would change how the rest of the script is to be read."""
    text = source.text
    if text[body] == "." and source.dialect == "sqlite":
        name = text[body : body + 40].split()[0]
        reason = f"`{name}` is not SQL; commands with a dot are known to the sqlite3 shell alone"
        source.refuse(reason, body, "Write it as SQL.")
    head = text[body : body + 3].upper()
    if head == "COP" and _copies_from_stdin(source, body):
        source.refuse(
            "COPY … FROM STDIN reads rows that a migration cannot send",
            body,
            "Write the rows as INSERT … VALUES, or let COPY read a file on the server.",
        )
    if head in ("SET", "SEL") and source.dialect == "postgres" and _turns_standard_strings_off(source, body):
        source.refuse(
            f"{_SETTING} is switched off, and quotes would mean something else from here on",
            body,
            r"Leave it out, and write E'…\'…' where a backslash escapes.",
        )


def _copies_from_stdin(source: _Source, body: int) -> bool:
    """Look ahead no further than the statement's semicolon: its data would not be SQL.

    PostgreSQL takes FROM STDOUT for FROM STDIN (`copy_file_name` in gram.y).
    """
    depth, before = 0, ""
    for kind, start, end in atoms(source.text, source.dialect, body):
        atom = source.text[start:end].upper() if kind in ("word", "sign") else ""
        if atom == ";":
            return False
        depth += (atom == "(") - (atom == ")")
        if before == "FROM" and atom in ("STDIN", "STDOUT") and depth <= 0:
            return True
        before = atom
    return False


def _turns_standard_strings_off(source: _Source, body: int) -> bool:
    """Know `SET [SESSION|LOCAL] … = off` and `SELECT set_config(…, 'off', …)`, with every word for false."""
    first = islice(atoms(source.text, source.dialect, body), 9)
    head = " ".join(source.text[start:end].strip("'\"") for _, start, end in first if end - start < 80)
    return _STANDARD_STRINGS_OFF.match(head) is not None
