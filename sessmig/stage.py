"""Cuts a staged script into its stages: what is one commit, what runs outside transactions, what runs in ranges.

Knows scripts and their directives, and refuses what cannot be staged; knows nothing of databases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from sessmig import script
from sessmig.batch import Batch
from sessmig.errors import FileError
from sessmig.merge import Merge
from sessmig.model import Dialect, Directive, Piece, Script

StageKind = Literal["own", "alone", "batch"]

_NAME = r'(?:"(?:[^"]|"")+"|`(?:[^`]|``)+`|\[[^\]]+\]|[^\s."`\[\]]+)'
_BATCH = re.compile(
    rf"(?P<table>{_NAME}(?:\.{_NAME})?)\s+by\s+(?P<column>{_NAME})(?:\s+size\s+(?P<size>\d+))?", re.IGNORECASE
)
_CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE")
_BOUNDS = ("first", "last")
_OUTSIDE = {
    "first": (re.compile(r"(?<!<)>\s*\Z"), re.compile(r"\s*<(?![=>])")),
    "last": (re.compile(r"<\s*\Z"), re.compile(r"\s*>(?!=)")),
}
"""What stands before a bound, and behind it, that leaves it out."""
_SHIFTED = re.compile(r"\s*[-+]\s*\d")
_OUTLIVED = ("SET", "RESET")
_WRITE = "Write -- sessmig: batch TABLE by COLUMN, or with size N behind it."


@dataclass(frozen=True, slots=True)
class Stage:
    """One statement of a staged step."""

    number: int
    """Its place in the file, from 0."""
    piece: Piece
    kind: StageKind
    """`own`: a transaction of its own; `alone`: outside transactions; `batch`: in key ranges, each its own commit."""
    batch: Batch | None = None
    merges: tuple[Merge, ...] = ()
    """The merges whose rows this statement moves; their accounts are kept range by range."""

    @property
    def hash(self) -> str:
        """A hash of the statement's text, by which a mended file is known to be the same up to here."""
        return sha256(self.piece.statement.encode(errors="surrogatepass")).hexdigest()


def stages(source: Script, merges: Sequence[Merge], dialect: Dialect) -> tuple[Stage, ...]:
    """Return the stages of a staged script, in the file's order.

    Args:
        source: the script; where it is not staged, there are none.
        merges: those of its verify file.
        dialect: whose quoting and whose statements these are.

    Raises:
        FileError: something in it cannot be staged: a `batch` that is not understood, or beside `no-transaction`;
            a statement in ranges without `:first` and `:last`, or whose table a later one takes away; a merge that
            no range can account for.
    """
    if not source.is_staged:
        return ()
    batches = _batches(source, dialect)
    _refuse_settings(source, dialect)
    _refuse_gone(source, batches, dialect)
    shared = _shared(source, merges, batches, dialect)
    found = []
    for number, piece in enumerate(source.pieces):
        batch = batches.get(number)
        kind: StageKind = "batch" if batch else "alone" if script.runs_alone(piece, dialect) else "own"
        if kind != "own":
            _refuse_repeating(source, piece, kind)
        found.append(Stage(number, piece, kind, batch, tuple(m for m in merges if shared.get(m) == number)))
    return tuple(found)


def _refuse_repeating(source: Script, piece: Piece, kind: StageKind) -> None:
    """Refuse what a rehearsal could not do: run such a statement a second time, in one transaction."""
    for directive in source.directives:
        if directive.word == "idempotent" and piece.line <= directive.line < piece.statement_line:
            what = "a statement in batches" if kind == "batch" else "a statement outside transactions"
            raise FileError(
                source.path,
                f"idempotent over {what}: a rehearsal cannot run that a second time",
                line=directive.line,
                remedy="Take the mark away.",
            )


def _batches(source: Script, dialect: Dialect) -> dict[int, Batch]:
    """Read each `batch` directive, with the number of the statement that it speaks of."""
    whole = source.directive("no-transaction")
    found: dict[int, Batch] = {}
    for directive in (d for d in source.directives if d.word == "batch"):
        if whole:
            raise FileError(
                source.path,
                f"batch in a no-transaction file (line {whole.line})",
                line=directive.line,
                remedy="Give each a migration of its own.",
            )
        number = next((n for n, piece in enumerate(source.pieces) if piece.statement_line > directive.line), None)
        if number is None:
            continue  # `directives.refuse_alone` has words for it
        if number in found:
            raise FileError(
                source.path, "directive given twice: batch", line=directive.line, remedy="Leave one of them."
            )
        found[number] = _read_batch(source, directive)
        _refuse_unbound(source, source.pieces[number], dialect)
    return found


def _read_batch(source: Script, directive: Directive) -> Batch:
    match = _BATCH.fullmatch(directive.argument)
    if match is None:
        raise FileError(
            source.path,
            f"batch not understood: {directive.argument or '(nothing)'}",
            line=directive.line,
            remedy=_WRITE,
        )
    size = int(match["size"]) if match["size"] else None
    if size == 0:
        raise FileError(source.path, "batch with size 0", line=directive.line, remedy="A batch has a row at least.")
    return Batch(match["table"], match["column"], size, directive.line)


def _refuse_unbound(source: Script, piece: Piece, dialect: Dialect) -> None:
    """Refuse a statement that would do the same in every range, or that is no change of rows."""
    verb = script.outline(piece.statement, dialect).verb
    if verb not in _CHANGING:
        raise FileError(
            source.path,
            f"batch over a statement that is no INSERT, UPDATE or DELETE: {verb or 'unknown'}",
            line=piece.statement_line,
            remedy="It speaks of the statement right below it, and only one that changes rows is run in ranges: "
            "write it right above the INSERT, UPDATE or DELETE.",
        )
    used = {name for _, name in script.placeholders(piece.statement, dialect)}
    if lacking := [f":{name}" for name in _BOUNDS if name not in used]:
        raise FileError(
            source.path,
            f"a batch statement without {' and '.join(lacking)}: each range would do the whole work again",
            line=piece.statement_line,
            remedy="Take its rows by the column of the batch: WHERE COLUMN BETWEEN :first AND :last.",
        )
    for at, name in script.placeholders(piece.statement, dialect):
        before, behind = piece.statement[:at], piece.statement[at + 1 + len(name) :]
        if not _SHIFTED.match(behind) and (_OUTSIDE[name][0].search(before) or _OUTSIDE[name][1].match(behind)):
            raise FileError(
                source.path,
                f"the bound :{name} is left out: each range would pass over a row",
                line=piece.statement_line + before.count("\n"),
                remedy="Both bounds belong to the range: WHERE COLUMN BETWEEN :first AND :last, or >= :first and "
                "<= :last.",
            )


def _refuse_settings(source: Script, dialect: Dialect) -> None:
    """Refuse a setting: it would end with its own transaction, and reach no other statement."""
    for piece in source.pieces:
        outline = script.outline(piece.statement, dialect)
        if outline.verb in _OUTLIVED:
            raise FileError(
                source.path,
                f"`{f'{outline.verb} {outline.target}'.strip()}` reaches no other statement of this file: each is a "
                "commit of its own, and settings are given back at its end",
                line=piece.statement_line,
                remedy="Leave it out, or give it with the connection (in the URL: ?options=-cNAME%3DVALUE).",
            )


def _refuse_gone(source: Script, batches: dict[int, Batch], dialect: Dialect) -> None:
    """Refuse to take away what the batches before need once more, at the file's end, for rows that came in late.

    What no text tells (a cascade, a function, generated statements) is seen once it has run: `batches.demand_kept`.
    """
    for number, batch in batches.items():
        names = {name for name in (batch.table, _target(source, number, dialect)) if name}
        for piece in source.pieces[number + 1 :]:
            act, verb = script.act(piece.statement, dialect), script.outline(piece.statement, dialect).verb
            own = [name for name in act.tables for needed in names if _is_same(name, needed, dialect)]
            if not own or verb not in ("DROP TABLE", "ALTER TABLE"):
                continue
            words = script.words(piece.statement, dialect, limit=1_000)
            is_gone = verb == "DROP TABLE" or act.new_name or {"SET", "SCHEMA"} <= {*words}
            if _is_same(own[0], batch.table, dialect) and {"DROP", "RENAME", "TYPE"} & {*words}:
                column = script.parts(batch.column, dialect)[-1:]
                is_gone = is_gone or column in [script.parts(word, dialect)[-1:] for word in words[3:]]
            if is_gone:
                raise gone(source, piece, source.pieces[number], f"`{verb} {own[0]}`")


def gone(source: Script, piece: Piece, batched: Piece, what: str, why: str = "") -> FileError:
    """Say that a statement takes away what the batches before it need."""
    return FileError(
        source.path,
        f"{what} takes away what the batches of line {batched.statement_line} need at the file's end, to take the rows "
        f"that came in meanwhile{f' ({why})' if why else ''}",
        line=piece.statement_line,
        remedy="Put it into a migration of its own, behind this one.",
    )


def _shared(source: Script, merges: Sequence[Merge], batches: dict[int, Batch], dialect: Dialect) -> dict[Merge, int]:
    """Find for each merge the statement whose ranges account for it."""
    found: dict[Merge, int] = {}
    for merge in merges:
        reading = [n for n, batch in batches.items() if _is_same(batch.table, merge.source, dialect)]
        writing = [n for n in reading if _is_same(_target(source, n, dialect), merge.target, dialect)]
        chosen = writing or reading
        if len(chosen) != 1:
            what = "more than one batch takes its rows" if chosen else "no batch takes its rows"
            raise FileError(
                merge.path,
                f"merge {merge.name}: {source.path.name} is no single transaction, and {what}: {merge.source}",
                line=merge.line,
                remedy="Its account is kept range by range: give the merge the table of one batch as its source; "
                "or ask by a check.",
            )
        found[merge] = chosen[0]
    return found


def _target(source: Script, number: int, dialect: Dialect) -> str:
    return script.outline(source.pieces[number].statement, dialect).target


def _is_same(one: str, other: str, dialect: Dialect) -> bool:
    """Tell whether two names are of one table, as far as names tell."""
    if "(" in one or "(" in other:
        return False
    left, right = script.parts(one, dialect), script.parts(other, dialect)
    return left[-1:] == right[-1:] and (len(left) == 1 or len(right) == 1 or left == right)
