"""Reads a verify file: comment lines with a verb, then one query.

Knows nothing of databases: it is handed queries with the comments over them, and gives blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path

from sessmig.errors import FileError
from sessmig.model import Block, Comment, Expectation, Query, Verb

_HEAD = re.compile(r"(?P<word>[A-Za-z][A-Za-z_-]*(?: (?:before|after))?)\s*:(?!:|//)\s*(?P<rest>.*)")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TEXT = re.compile(r"'(?:[^']|'')*'")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Prose may begin with check or warn, but not so.
_HEAD_WITHOUT_COLON = re.compile(rf"expect\s+(?:none|some|same|true|false|:\w+|{_NUMBER.pattern}|{_TEXT.pattern})")

Head = tuple[int, str, str]
"""A line, the word that it begins with, and the rest."""

_VERBS: dict[str, tuple[Verb, bool]] = {
    "require": ("require", True),
    "measure": ("measure", False),
    "measure before": ("measure", True),
    "check": ("check", False),
    "warn": ("warn", False),
}
_ROWS: dict[str, Expectation] = {"none": "none", "some": "some", "same": "same"}
_OF_MERGE = ("merge", "source after", "reject", "differing")
_QUERIES = ("SELECT", "VALUES")
_KNOWN = (
    "require, measure before, measure, check, warn, and expect under a verb; "
    "merge, with source after, reject and differing under it"
)


def read_blocks(path: Path, queries: Sequence[Query], tail: Sequence[Comment]) -> tuple[tuple[Block, ...], list[Head]]:
    """Read the blocks of a verify file; of its merges, which have no query, return the heads as they are.

    Args:
        path: the file, for messages.
        queries: its queries, each with the comments over it.
        tail: the comments behind the last query.

    Raises:
        FileError: an unknown word at a block's head, a query without a verb, a verb without its query, a name
            twice, an expectation that is none, a query that is no SELECT, a `:name` that no earlier measure has.
    """
    blocks: list[Block] = []
    merges: list[Head] = []
    for query in queries:
        heads = list(_heads(path, query.comments))
        _refuse_stray(path, heads)
        while heads and heads[0][1] in _OF_MERGE:
            merges.append(heads.pop(0))
        block = _block(path, query, heads)
        _refuse_twins(block, blocks)
        _refuse_unknown_measures(block, blocks)
        blocks.append(block)
    heads = list(_heads(path, tail))
    _refuse_stray(path, heads)
    for line, word, text in heads:
        if word not in _OF_MERGE:
            raise FileError(path, f"{word} without its query", line=line, remedy="Write one SELECT under it.")
        merges.append((line, word, text))
    return tuple(blocks), merges


def _refuse_stray(path: Path, heads: Sequence[Head]) -> None:
    """What belongs to a merge stands under it, with no query between."""
    if heads and heads[0][1] in _OF_MERGE[1:]:
        line, word, _ = heads[0]
        raise FileError(path, f"{word} without its merge", line=line, remedy="It stands under the merge's line.")


def _heads(path: Path, comments: Sequence[Comment]) -> Iterator[Head]:
    """Give the comment lines that have the form `word: …`, refusing words that are not known.

    Only such lines count as heads; any other comment is a remark. Inside a query, or behind one on its line, it
    may have any form, but must not look like a head.
    """
    for comment in comments:
        match = _HEAD.fullmatch(comment.text)
        if match is None:
            if comment.alone and _HEAD_WITHOUT_COLON.fullmatch(comment.text):
                raise FileError(
                    path, f"a colon is missing: -- {comment.text}", line=comment.line, remedy="Write -- expect: VALUE."
                )
            continue
        word = match["word"]
        if comment.is_block:
            if word.lower() in (*_VERBS, *_OF_MERGE, "expect"):
                raise FileError(
                    path,
                    f"a head in a block comment: {word}:",
                    line=comment.line,
                    remedy=f"Write it as a line of its own: -- {word.lower()}: ...",
                )
            continue
        if not comment.alone:
            if word in (*_VERBS, *_OF_MERGE, "expect"):
                raise FileError(
                    path,
                    f"{word}: stands inside a query, or behind one",
                    line=comment.line,
                    remedy="Give it a line of its own, above its query. Is a semicolon missing?",
                )
            continue
        if word not in (*_VERBS, *_OF_MERGE, "expect"):
            raise FileError(path, f"unknown word: {word}:", line=comment.line, remedy=f"Known are: {_KNOWN}.")
        yield comment.line, word, match["rest"].strip()


def _block(path: Path, query: Query, heads: list[Head]) -> Block:
    if not heads:
        raise FileError(
            path, "a query without a verb", line=query.line, remedy=f"Write a head over it; known are: {_KNOWN}."
        )
    line, word, name = heads[0]
    if word == "expect":
        raise FileError(path, "expect stands before its verb", line=line, remedy="Write the verb's line first.")
    verb, before = _VERBS[word]
    if not name:
        raise FileError(path, f"{word} without a name", line=line, remedy=f"Write -- {word}: NAME.")
    if query.verb not in _QUERIES:
        raise FileError(
            path,
            f"{word} {name!r} holds {query.verb or 'no query'}; a block holds one SELECT, WITH ... SELECT or VALUES",
            line=query.line,
            remedy="For a PRAGMA use its table function, as in SELECT * FROM pragma_table_info('t').",
        )
    if verb == "measure" and _NAME.fullmatch(name) is None:
        raise FileError(
            path, f"a measure's name is letters, digits and _: {name!r}", line=line, remedy="As in messages_before."
        )
    block = Block(verb, name, query, path, line, before)
    return _expecting(block, heads[1:]) if len(heads) > 1 else block


def _expecting(block: Block, heads: list[Head]) -> Block:
    path, verb = block.path, block.verb
    line, word, text = heads[0]
    if len(heads) > 1 or word != "expect":
        line, word, _ = heads[0] if word != "expect" else heads[1]
        raise FileError(
            path,
            f"{word} stands over a block that has its head already",
            line=line,
            remedy="Each verb needs a query of its own, and one expect at most.",
        )
    if verb == "measure":
        raise FileError(path, "a measure expects nothing", line=line, remedy="Use a check for that.")
    if text == "same" and verb == "require":
        raise FileError(path, "a require is asked once, before the step", line=line, remedy="Use a check for same.")
    block = replace(block, expected_text=text)
    if text in _ROWS:
        return replace(block, expects=_ROWS[text])
    if text.startswith(":") and _NAME.fullmatch(text[1:]):
        return replace(block, expects="measure", measure=text[1:])
    value = _value(text)
    if value is not None:
        return replace(block, expects="value", expected=value)
    raise FileError(
        path,
        f"not an expectation: {text!r}",
        line=line,
        remedy="Known are: none, some, same, a number, a 'text', true, false, :measure.",
    )


def _value(text: str) -> str | Decimal | bool | None:
    """Read a literal; None where it is none."""
    if _TEXT.fullmatch(text):
        return text[1:-1].replace("''", "'")
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:  # an exponent beyond all bounds
        return None


def _refuse_twins(block: Block, earlier: Sequence[Block]) -> None:
    for other in earlier:
        if other.name == block.name and (other.verb == "measure") == (block.verb == "measure"):
            raise FileError(
                block.path,
                f"the name {block.name!r} stands in line {other.line} already",
                line=block.line,
                remedy="Give each block a name of its own.",
            )


def _refuse_unknown_measures(block: Block, earlier: Sequence[Block]) -> None:
    """A query may use the measures that are known when it is asked: those before the step for a require."""
    known = [b.name for b in earlier if b.verb == "measure" and (b.before or not block.before)]
    if block.expects == "same":
        # Asked before the step too, when only measures taken before it are known.
        known = [b.name for b in earlier if b.verb == "measure" and b.before]
    for name in block.needs:
        if name not in known:
            raise FileError(
                block.path,
                f":{name} is no measure known to {block.verb} {block.name!r}",
                line=block.query.line,
                remedy=f"Known here are: {', '.join(known) or 'none'}. In a slice, write a blank behind the colon.",
            )
