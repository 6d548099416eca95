"""Reads a migration as SQL: its statements and directives, its verify file, its way back.

Knows the parts of a step and who reads each; knows nothing of ledgers and databases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sessmig import checks, declared, directives, generated, head, marks, merge_heads, script
from sessmig.bundles import cut
from sessmig.enforcement import refuse_foreign_keys_off
from sessmig.errors import FileError
from sessmig.files import checksum, decode, demand_same, is_large, read_bytes, read_text
from sessmig.merge import Merge
from sessmig.model import Block, Comment, Dialect, Migration, Piece, Query, Script, Step
from sessmig.stage import stages


def read_step(migration: Migration, dialect: Dialect, *, in_blocks: bool = False) -> Step:
    """Read a migration whole: its statements, its verify file, its rollback and that one's verify file.

    Args:
        migration: its files.
        dialect: how they are read.
        in_blocks: leave the rows of large files in them until they are sent; then there is no text to be shown.

    Raises:
        FileError: whatever is not understood in one of the four, with file and line; a file that changed since
            it was hashed.
    """
    main = _script(migration.path, migration.name, dialect, hashed=migration.checksum, in_blocks=in_blocks)
    if wait := main.directive("wait"):
        head.read_wait(migration.path, wait, migration.version)
    rollback = None
    if migration.rollback:
        if reason := main.directive("irreversible"):
            raise FileError(
                migration.path,
                f"irreversible, yet there is {migration.rollback.name}",
                line=reason.line,
                remedy="Take one of them away.",
            )
        rollback = _rollback(migration.rollback, migration.name, dialect, in_blocks=in_blocks)
        _refuse_empty(rollback, bool(main.pieces))
    blocks, merges = read_blocks(migration.verify, dialect)
    stages(main, merges, dialect)
    back_blocks, back_merges = read_blocks(migration.rollback_verify, dialect)
    if rollback:
        stages(rollback, back_merges, dialect)
    return Step(migration, main, blocks, merges, rollback, back_blocks, back_merges)


def read_way_back(migration: Migration, dialect: Dialect) -> Step | None:
    """Read the rollback of an applied migration as a step of its own; None if there is no rollback file.

    The migration's own file is only hashed, as it always is once it is applied.

    Raises:
        FileError: whatever is not understood in the rollback file, or in its verify file.
    """
    if migration.rollback is None:
        return None
    rollback = _rollback(migration.rollback, migration.name, dialect, in_blocks=True)
    if not rollback.pieces:
        _refuse_empty(rollback, _does_something(migration, dialect))
    blocks, merges = read_blocks(migration.rollback_verify, dialect)
    stages(rollback, merges, dialect)
    return Step(migration, rollback, blocks, merges)


def _rollback(path: Path, name: str, dialect: Dialect, *, in_blocks: bool) -> Script:
    rollback = _script(path, name, dialect, in_blocks=in_blocks)
    for directive in rollback.directives:
        if directive.word in ("wait", "irreversible"):
            raise FileError(
                path,
                f"directive {directive.word} in a rollback file",
                line=directive.line,
                remedy="It stands in the migration's own file.",
            )
        if directive.word == "batch":
            raise FileError(
                path,
                "batch in a rollback file: a way back is one transaction, so that it is taken whole or not at all",
                line=directive.line,
                remedy="Take the directive and its :first and :last away.",
            )
    return rollback


def _does_something(migration: Migration, dialect: Dialect) -> bool:
    try:
        return bool(_script(migration.path, migration.name, dialect, in_blocks=True).pieces)
    except FileError:  # it was applied by a version that understood it
        return True


def _refuse_empty(rollback: Script, does_something: bool) -> None:
    """Refuse a way back that does nothing, of a migration that did something: the ledger would tell a lie."""
    if does_something and not rollback.pieces:
        raise FileError(
            rollback.path,
            "there is no statement in this rollback file, though its migration has some",
            remedy="Write it; or take it away, and say in the migration's file: -- sessmig: irreversible REASON",
        )


def _script(path: Path, name: str, dialect: Dialect, *, hashed: str = "", in_blocks: bool) -> Script:
    """Read one file; a staged one is held whole, as each of its statements is a commit of its own."""
    if in_blocks and is_large(path):
        source = _understood(path, "", cut(path, dialect, hashed), name, dialect)
        if not source.is_staged:
            return replace(source, in_blocks=True)
    data = read_bytes(path)
    if hashed:
        demand_same(path, hashed, checksum(data))
    text = decode(path, data)
    return _understood(path, text, script.split(text, dialect, path), name, dialect)


def _understood(path: Path, text: str, pieces: Sequence[Piece], name: str, dialect: Dialect) -> Script:
    first = next((piece.statement_line for piece in pieces if piece.is_statement), None)
    comments = [comment for piece in pieces for comment in script.comments(piece, dialect)]
    marks.refuse_marks(path, comments)
    found = directives.read_directives(path, comments, first)
    for directive in found:
        if directive.word == "may-lose":
            declared.may_lose(path, directive)
    above = [c for c in comments if first is None or c.line < first]
    alone = any(directive.word == "no-transaction" for directive in found)
    kept = tuple(script.refuse(pieces, dialect, path, no_transaction=alone))
    directives.refuse_alone(path, found, kept[-1].statement_line if kept else 0)
    source = Script(
        path,
        text,
        directives.description(above, otherwise=name.replace("_", " ")),
        kept,
        found,
    )
    generated.refuse_queries(source, dialect)
    refuse_foreign_keys_off(source, dialect)
    return source


def read_blocks(path: Path | None, dialect: Dialect) -> tuple[tuple[Block, ...], tuple[Merge, ...]]:
    """Read a verify file, where there is one: the blocks with a query, and the merges."""
    if path is None:
        return (), ()
    pieces = script.split(read_text(path), dialect, path)
    queries: list[Query] = []
    tail: list[Comment] = []
    for piece in pieces:
        comments = merge_heads.joined(path, _without_waivers(path, script.comments(piece, dialect)))
        if not piece.is_statement:
            tail += comments
            continue
        text = script.only_names(piece.statement.rstrip().removesuffix(";"), dialect)
        if not script.is_balanced(text, dialect):
            raise FileError(
                path,
                "the parentheses of this query do not match",
                line=piece.statement_line,
                remedy="A block holds one whole query.",
            )
        queries.append(
            Query(
                comments,
                text,
                piece.statement_line,
                script.outline(text, dialect).verb,
                tuple(script.placeholders(text, dialect)),
            )
        )
    blocks, heads = checks.read_blocks(path, queries, tail)
    return blocks, merge_heads.read_merges(path, heads, dialect)


def _without_waivers(path: Path, comments: Sequence[Comment]) -> list[Comment]:
    """Take out the waivers of lint; refuse any other directive, and a waiver that parts a block's head."""
    kept: list[Comment] = []
    for number, comment in enumerate(comments):
        if not directives.is_directive(comment):
            kept.append(comment)
        elif directives.word_of(comment) != "allow":
            raise FileError(
                path,
                "a directive in a verify file",
                line=comment.line,
                remedy="Directives stand in the migration or rollback file; only allow may stand here too.",
            )
        else:
            directives.read_directives(path, [comment], None)
            before = comments[number - 1] if number else None
            if before and before.line == comment.line - 1 and merge_heads.is_head(before):
                raise FileError(
                    path,
                    "a waiver below the head of a merge",
                    line=comment.line,
                    remedy="Write it above the block that it speaks of.",
                )
    return kept
