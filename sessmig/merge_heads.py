"""Reads `merge` blocks: comment lines that say which rows have to be where, with which values.

Knows their grammar; what is asked for them, `merge_sql` knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sessmig import script
from sessmig.errors import FileError
from sessmig.merge import Merge, Pair, Reject
from sessmig.model import Comment, Dialect

Head = tuple[int, str, str]
"""A line of a verify file, the word that it begins with, and the rest."""

_HEAD = re.compile(r"(?:merge|source after|reject|differing)\s*:")
_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"")
_GOES_ON = re.compile(r"(?:on|comparing|into|where|and|or|from|select)\b|[(),]", re.IGNORECASE)
_DEEP = 4
"""With so many blanks behind its dashes a line goes on with the head above it."""
_GRAMMAR = "Write -- merge: SOURCE into TARGET on KEY[, KEY] comparing COLUMN[, COLUMN]."
_PAIR = "Columns are names with commas between; where the two sides call one otherwise, source = target."


def joined(path: Path, comments: Iterable[Comment]) -> tuple[Comment, ...]:
    """Put heads of merges that go on over several lines into one comment each.

    A line goes on with the head above it while a parenthesis is open, or if it is indented by four blanks or more.

    Raises:
        FileError: a line that seems to go on with the head, and is not indented.
    """
    found: list[Comment] = []
    last = 0
    for comment in comments:
        head = found[-1] if found and _HEAD.match(found[-1].text) and comment.line == last + 1 else None
        if head and comment.alone and not comment.is_block and (comment.indent >= _DEEP or _is_open(head.text)):
            found[-1] = replace(head, text=f"{head.text} {comment.text}")
        elif head and comment.alone and _GOES_ON.match(comment.text):
            raise FileError(
                path,
                f"does this line belong to the merge above it? -- {comment.text}",
                line=comment.line,
                remedy="Then indent it by four blanks behind the dashes; a remark stands above the merge.",
            )
        else:
            found.append(comment)
        last = comment.line
    return tuple(found)


def is_head(comment: Comment) -> bool:
    """Tell whether a comment is a line of a merge, behind which others may go on with it."""
    return _HEAD.match(comment.text) is not None


def _is_open(text: str) -> bool:
    bare = _LITERAL.sub("", text)
    return bare.count("(") > bare.count(")")


def read_merges(path: Path, heads: Sequence[Head], dialect: Dialect) -> tuple[Merge, ...]:
    """Read the merge blocks of a verify file.

    Args:
        path: the file, for messages.
        heads: the lines of its merges, in their order.
        dialect: whose quotes they use.

    Raises:
        FileError: a line that is not understood, that belongs to no merge, or that is there twice.
    """
    merges: list[Merge] = []
    seen: set[str] = set()
    for line, word, text in heads:
        reader = _Reader(path, line, dialect)
        if word == "merge":
            merge = reader.merge(text)
            for other in merges:
                if other.name == merge.name:
                    raise FileError(
                        path,
                        f"a second merge of {merge.name}, beside line {other.line}",
                        line=line,
                        remedy="Leave one of them.",
                    )
            merges.append(merge)
            seen = set()
            continue
        if not merges:
            raise FileError(path, f"{word} without its merge", line=line, remedy="It stands under the merge's line.")
        if word in seen and word != "reject":
            raise FileError(path, f"{word} stands there twice", line=line, remedy="Leave one of them.")
        seen.add(word)
        merges[-1] = reader.modified(merges[-1], word, text)
    return tuple(merges)


class _Reader:
    """Reads what stands behind the word of one head."""

    def __init__(self, path: Path, line: int, dialect: Dialect) -> None:
        self._path = path
        self._line = line
        self._dialect = dialect

    def merge(self, text: str) -> Merge:
        self._refuse_comments(text)
        source, rest = self._cut(text, "into")
        target, columns = self._cut(rest, "on")
        keys, comparing = self._cut(columns, "comparing", must=False)
        return Merge(
            self._side(source),
            self._side(target),
            tuple(self._pairs(keys)),
            self._path,
            self._line,
            tuple(self._pairs(comparing)) if comparing else (),
        )

    def modified(self, merge: Merge, word: str, text: str) -> Merge:
        self._refuse_comments(text)
        if word == "source after":
            return replace(merge, after=self._side(text))
        if word == "differing":
            if text not in ("fail", "keep"):
                raise self._wrong(f"differing is fail or keep, not {text!r}", "")
            return replace(merge, differing=text)  # type: ignore[arg-type]
        name, condition = self._cut(text, "where")
        if any(other.name == name for other in merge.rejects):
            raise self._wrong(f"a second reject rule of the name {name!r}", "Give each a name of its own.")
        if not self._is_whole(condition):
            raise self._wrong("the condition of this rule is not whole", "It is one condition, as behind WHERE.")
        return replace(merge, rejects=(*merge.rejects, Reject(name, script.only_names(condition, self._dialect))))

    def _refuse_comments(self, text: str) -> None:
        """What stands behind a second pair of dashes would be passed over in silence."""
        atoms = list(script.atoms(text, self._dialect))
        starts, ends = [at for _, at, _ in atoms], [end for _, _, end in atoms]
        gaps = [text[end:start] for end, start in zip([0, *ends], [*starts, len(text)], strict=True)]
        if any("--" in gap or "/*" in gap for gap in gaps):
            raise self._wrong(f"a comment within the line: {text}", "Write it as a line of its own, above the merge.")

    def _wrong(self, reason: str, remedy: str) -> FileError:
        return FileError(self._path, reason, line=self._line, remedy=remedy)

    def _cut(self, text: str, word: str, *, must: bool = True) -> tuple[str, str]:
        """Part a text at a word that stands outside quotes and parentheses."""
        depth = 0
        for kind, start, end in script.atoms(text, self._dialect):
            depth += {"(": 1, ")": -1}.get(text[start:end], 0) if kind == "sign" else 0
            if kind == "word" and not depth and text[start:end].lower() == word:
                before, behind = text[:start].strip(), text[end:].strip()
                if before and behind:
                    return before, behind
                raise self._wrong(f"nothing stands {'behind' if before else 'before'} {word!r}", self._grammar(word))
        if must:
            raise self._wrong(f"the word {word!r} is missing", self._grammar(word))
        return text.strip(), ""

    def _grammar(self, word: str) -> str:
        return "Write -- reject: NAME where CONDITION." if word == "where" else _GRAMMAR

    def _side(self, text: str) -> str:
        """Read a table's name or a query in parentheses."""
        if text.startswith("("):
            inner = text[1:-1]
            verb = script.outline(inner, self._dialect).verb
            if not text.endswith(")") or not self._is_whole(inner) or verb not in ("SELECT", "VALUES"):
                raise self._wrong(f"no table and no (SELECT ...): {text}", _GRAMMAR)
            return script.only_names(text, self._dialect)
        parts = list(script.atoms(text, self._dialect))
        places = [kind in ("word", "name") if n % 2 == 0 else text[at] == "." for n, (kind, at, _) in enumerate(parts)]
        ends = [0, *(end for _, _, end in parts)]
        is_whole = ends == [*(at for _, at, _ in parts), len(text)]
        if not all(places) or len(parts) % 2 == 0 or not is_whole:
            raise self._wrong(
                f"no table's name: {text}", "A name with other signs stands in double quotes; a query in parentheses."
            )
        return script.only_names(text, self._dialect)

    def _is_whole(self, text: str) -> bool:
        kinds = [(kind, text[start:end]) for kind, start, end in script.atoms(text, self._dialect)]
        bad = any(kind == "open" or (kind, sign) == ("sign", ";") for kind, sign in kinds)
        return bool(kinds) and not bad and script.is_balanced(text, self._dialect)

    def _pairs(self, text: str) -> Iterator[Pair]:
        """Read `a, b = c`: columns of the source, and of the target where it calls them otherwise."""
        kinds = [(kind, text[start:end]) for kind, start, end in script.atoms(text, self._dialect)]
        parts: list[list[tuple[str, str]]] = [[]]
        for kind, word in kinds:
            if (kind, word) == ("sign", ","):
                parts.append([])
            else:
                parts[-1].append((kind, word))
        seen = set()
        for part in parts:
            names = [script.only_names(word, self._dialect) for kind, word in part if kind in ("word", "name")]
            if [kind for kind, _ in part] not in (["word"], ["name"]) and not (
                len(names) == 2 and len(part) == 3 and part[1] == ("sign", "=")
            ):
                raise self._wrong(f"not understood: {text}", _PAIR)
            pair = (names[0], names[-1])
            if pair in seen:
                raise self._wrong(f"the column {names[0]} stands there twice", _PAIR)
            seen.add(pair)
            yield pair
