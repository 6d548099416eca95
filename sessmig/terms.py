"""Reads a statement as words and names, each name with its dots as one, however it is quoted.

Knows quoting and comments by `script`; knows nothing of what the words mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sessmig import script
from sessmig.model import Dialect

Name = tuple[str, ...]
"""A name's parts, made comparable."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word, a name, a literal or a sign."""

    word: str
    """In capitals; '' for what is no bare word: a name with dots or quotes, a literal, a sign."""
    name: Name
    """What it is as a name; a text in single quotes too, which SQLite takes for one. () for a number or a sign."""
    written: str


_NOTHING = Term("", (), "")


def terms(text: str, dialect: Dialect) -> list[Term]:
    """Return what a statement is made of, comments left out."""
    found: list[Term] = []
    is_dotted = False
    for kind, at, end in script.atoms(text, dialect):
        written = text[at:end]
        if kind not in ("word", "name", "string"):
            is_dotted = written == "." and bool(found) and bool(found[-1].name)
            if not is_dotted:
                found.append(Term("", (), written))
            continue
        if kind == "string":
            name: Name = (script.comparable(written[1:-1].replace("''", "'"), dialect),)
        else:
            name = script.parts(written, dialect)[-1:]
        if is_dotted:
            last = found.pop()
            found.append(Term("", (*last.name, *name), f"{last.written}.{written}"))
        else:
            found.append(Term(written.upper() if kind == "word" else "", name, written))
        is_dotted = False
    return found


def term(found: Sequence[Term], at: int) -> Term:
    """Return a term, or one of nothing where there is none."""
    return found[at] if 0 <= at < len(found) else _NOTHING


def name_at(found: Sequence[Term], at: int, *skipped: str) -> Name:
    """Return the name that stands behind some words; () if something else does."""
    while term(found, at).word in skipped or (term(found, at).written == "(" and "(" in skipped):
        at += 1
    return term(found, at).name


def body(text: Term) -> str | None:
    """Return what a literal holds, as a DO or a function has its statements; None if escapes may hide it."""
    if text.written.startswith("$"):
        tag = text.written[: text.written.index("$", 1) + 1]
        return text.written[len(tag) : -len(tag)]
    return None if "\\" in text.written else text.written[1:-1].replace("''", "'")


def relations(text: str, dialect: Dialect) -> Iterator[Name]:
    """Yield what a query reads from, as far as its words tell; rather a name too many than one too few."""
    found = terms(text, dialect)
    lists, expected = [False], False
    for at, one in enumerate(found):
        if one.written == "(":
            lists.append(False)
            behind = term(found, at + 1)
            if expected and behind.word not in ("SELECT", "VALUES", "WITH") and (behind.name or behind.written == "("):
                lists[-1] = True
                continue
            expected = False
        elif one.written == ")":
            lists = lists[:-1] or [False]
            expected = False
        elif one.word in ("FROM", "JOIN"):
            lists[-1] = expected = True
        elif one.written == ",":
            expected = lists[-1]
        elif one.word in ("WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "WINDOW", "UNION", "EXCEPT", "INTERSECT"):
            lists[-1] = expected = False
        elif expected and one.word not in ("ONLY", "LATERAL"):
            expected = False
            yield one.name
