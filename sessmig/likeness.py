"""Compares two pictures of a database, and names what differs.

A pure function of two fingerprints; knows nothing of databases and files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sessmig.rehearsal import Difference, Fingerprint, Rows, Thing
from sessmig.words import WIDE, count, short

UNUSED = "not used yet"
"""Where a sequence stands that has given no value."""


def differences(before: Fingerprint, after: Fingerprint) -> tuple[Difference, ...]:
    """Name every thing of the schema, and every table's rows, in which two pictures differ."""
    return (*_of_things(before, after), *_of_rows(before, after))


def moved_sequences(before: Fingerprint, after: Fingerprint) -> tuple[tuple[str, str, str], ...]:
    """Return name and both values of the sequences that stand elsewhere; SQLite knows one only from its first use."""
    old = dict(before.sequences)
    pairs = ((name, old.get(name, UNUSED), now) for name, now in after.sequences)
    return tuple((name, was, now) for name, was, now in pairs if was != now)


def difference_lines(found: Sequence[Difference]) -> list[str]:
    """Put differences into words, with the definitions."""
    lines = []
    for difference in found:
        lines.append(f"{difference.subject}: {difference.what}")
        both = bool(difference.was and difference.now)
        for word, text in (("before", difference.was), ("now", difference.now)):
            if text:
                told = short(" ".join(text.split()), 2 * WIDE)
                lines.append(f"    {word}: {told}" if both else f"    {told}")
    return lines


def _of_things(before: Fingerprint, after: Fingerprint) -> Iterator[Difference]:
    old, new = _by_name(before), _by_name(after)
    unlike = (_unlike(old.get(key), new.get(key)) for key in old.keys() | new.keys() if key[0] == "column")
    told = {column.table for column in unlike if column}
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        thing = _unlike(was, now)
        if thing is None or _stands_for(thing, old, new, told):
            continue
        subject = f"{thing.kind} {thing.name}"
        if was is None:
            yield Difference(subject, "left behind", now=thing.definition)
        elif now is None:
            yield Difference(subject, "gone", was=thing.definition)
        else:
            yield Difference(subject, "defined otherwise", was.definition, now.definition)


Things = dict[tuple[str, str], Thing]


def _by_name(picture: Fingerprint) -> Things:
    return {(thing.kind, thing.name): thing for thing in picture.things}


def _unlike(was: Thing | None, now: Thing | None) -> Thing | None:
    """Return the thing that is to be told of, if the two differ."""
    if was is None or now is None:
        return was or now
    return now if (was.alike or was.definition) != (now.alike or now.definition) else None


def _stands_for(thing: Thing, old: Things, new: Things, told: set[str]) -> bool:
    """Whether others tell it already: of a table that has come or gone, its parts; of one that changed, its columns."""
    if thing.kind == "table":
        return ("table", thing.name) in old and ("table", thing.name) in new and thing.name in told
    whole = ("table", thing.table)
    return bool(thing.table) and ((whole in old) != (whole in new))


def _of_rows(before: Fingerprint, after: Fingerprint) -> Iterator[Difference]:
    old = {rows.table: rows for rows in before.rows}
    for now in after.rows:
        was = old.pop(now.table, None)
        if was is None:
            if now.number:
                yield Difference(f"table {now.table}", f"left behind with {count(now.number, 'row')}")
        elif told := _unlike_rows(was, now):
            yield Difference(f"table {now.table}", told)
    for was in old.values():
        if was.number:
            yield Difference(f"table {was.table}", f"gone with {count(was.number, 'row')}")


def _unlike_rows(was: Rows, now: Rows) -> str:
    if was.number is None or now.number is None:
        return ""
    if more := now.number - was.number:
        word = "more" if more > 0 else "fewer"
        return f"{count(abs(more), 'row')} {word} ({was.number:,} before, {now.number:,} now)"
    if was.hashes != now.hashes:
        return f"as many rows ({now.number:,}), but not the same"
    return ""
