"""Reads the names out of statements that lock tables: which table each is about, and which others stand in it.

Knows words and their order; which lock a kind of statement takes, `locks` knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from sessmig.lock_modes import MODES, STRENGTH
from sessmig.model import Dialect
from sessmig.script.outline import Term, outside
from sessmig.script.tokens import atoms

Wanted = tuple[str, str]
"""A table's name as written, and the mode."""
WEAK, ALL = "SHARE UPDATE EXCLUSIVE", "ACCESS EXCLUSIVE"
_END_OF_FROM = {"WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "WINDOW", "UNION", "FETCH"}
_NO_NAME = {"DROP", "VIEW", "MATERIALIZED", "SEQUENCE", "FOREIGN", "TABLE", "IF", "EXISTS", "CASCADE", "RESTRICT"}


def altered(target: str, terms: Sequence[Term], text: str, dialect: Dialect) -> Iterator[Wanted]:
    """Read the actions of an ALTER TABLE: the strongest lock of all is its own."""
    if target.upper() == "ALL":
        return
    own = next((n for n, (_, written) in enumerate(terms) if written == target), 0)
    actions: list[list[str]] = [[]]
    for word, written in terms[own + 1 :]:
        if written == ",":
            actions.append([])
        else:
            actions[-1].append(word or written)
    yield target, max((_by_action(action, text) for action in actions), key=STRENGTH.__getitem__)
    yield from ((other, "SHARE ROW EXCLUSIVE") for other in referenced(text, dialect))
    for word in ("ATTACH", "DETACH"):
        yield behind(terms, word, "PARTITION"), ALL
    if "NO" not in (word for word, _ in terms):
        yield behind(terms, "INHERIT"), WEAK


def _by_action(action: Sequence[str], text: str) -> str:
    head = action[:1]
    if head == ["DETACH"]:
        return WEAK if "CONCURRENTLY" in action else ALL
    if head in (["VALIDATE"], ["ATTACH"], ["CLUSTER"]) or action[:3] == ["SET", "WITHOUT", "CLUSTER"]:
        return WEAK
    if action[:2] in (["SET", "("], ["RESET", "("]):
        return ALL if "user_catalog_table" in text.lower() else WEAK
    if head == ["ALTER"] and ("STATISTICS" in action[2:] or {"SET (", "RESET ("} & _pairs(action)):
        return WEAK
    if head == ["ADD"] and "FOREIGN" in action and "COLUMN" not in action:
        return "SHARE ROW EXCLUSIVE"
    return "SHARE ROW EXCLUSIVE" if head in (["ENABLE"], ["DISABLE"]) and "TRIGGER" in action else ALL


def _pairs(action: Sequence[str]) -> set[str]:
    return {f"{one} {next_}" for one, next_ in pairwise(action)}


def asked_for(text: str, dialect: Dialect) -> Iterator[Wanted]:
    """Read `LOCK TABLE a, b IN EXCLUSIVE MODE`."""
    names, mode, is_mode = [], [], False
    for word, written in outside(text, dialect):
        if word == "IN":
            is_mode = True
        elif is_mode and word in ("MODE", "NOWAIT"):
            break
        elif is_mode:
            mode.append(word)
        elif word not in ("LOCK", "TABLE", "ONLY", "NOWAIT") and (word or len(written) > 1):
            names.append(written)
    asked = " ".join(mode)
    yield from ((name, asked if asked in MODES else ALL) for name in names)


def referenced(text: str, dialect: Dialect) -> Iterator[str]:
    """Give the tables that foreign keys refer to, as written."""
    is_next, name = False, ""
    for kind, start, end in (*atoms(text, dialect), ("sign", 0, 0)):
        if is_next and (kind in ("word", "name") or text[start:end] == "."):
            name += text[start:end]
            continue
        if name:
            yield name
        is_next, name = kind == "word" and text[start:end].upper() == "REFERENCES", ""


def inherited(text: str, dialect: Dialect) -> Iterator[str]:
    """Give the names in `INHERITS (a, b)`."""
    words = ((text[start:end].upper(), end) for kind, start, end in atoms(text, dialect) if kind == "word")
    if behind := next((end for word, end in words if word == "INHERITS"), 0):
        for word, written in outside(text[behind:], dialect):
            if written == ")":
                return
            if word or len(written) > 1:
                yield written


def held(terms: Sequence[Term]) -> Iterator[str]:
    """Give the tables whose rows a `SELECT ... FOR UPDATE` holds: those behind OF, or all of its FROM."""
    spoken = [word for word, _ in terms]
    at = max((n for n, word in enumerate(spoken) if word == "FOR"), default=0)
    if not at or not {"UPDATE", "SHARE"} & {*spoken[at : at + 4]}:
        return
    tables: dict[str, str] = {}
    begun, name = False, ""
    for word, written in terms[spoken.index("FROM") + 1 : at] if "FROM" in spoken else ():
        if word in _END_OF_FROM:
            break
        if written == "," or word == "JOIN":
            begun, name = False, ""
        elif not begun and word != "ONLY":
            begun = True
            name = written if word or len(written) > 1 else ""
            if name:
                tables[name.rpartition(".")[2].lower()] = name
        elif name and word not in ("AS", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "ON", "USING"):
            if tables.pop(name.rpartition(".")[2].lower(), ""):
                tables[written.lower()] = name
            name = ""
        elif word == "ON":
            name = ""
    rest = terms[at:]
    of = next((n for n, (word, _) in enumerate(rest) if word == "OF"), None)
    if of is None:
        yield from tables.values()
    else:
        yield from (tables[written.lower()] for _, written in rest[of + 1 :] if written.lower() in tables)


def commented(terms: Sequence[Term]) -> str:
    """Return the table that a COMMENT is on, or its column, trigger or constraint."""
    kind = next((terms[n + 1][0] for n, (word, _) in enumerate(terms[:-1]) if word == "ON"), "")
    if kind in ("TABLE", "VIEW", "SEQUENCE"):
        return behind(terms, kind)
    if kind in ("MATERIALIZED", "FOREIGN"):
        return behind(terms, kind, "VIEW" if kind == "MATERIALIZED" else "TABLE")
    if kind == "COLUMN":
        return behind(terms, kind).rpartition(".")[0]
    if kind in ("TRIGGER", "CONSTRAINT", "RULE", "POLICY"):
        name = behind(terms[3:], "ON")
        return "" if name.upper() == "DOMAIN" else name
    return ""


def listed(terms: Sequence[Term]) -> Iterator[str]:
    """Give the names of a DROP: behind the kind, up to CASCADE or RESTRICT."""
    for word, written in terms:
        if word not in _NO_NAME and (word or len(written) > 1):
            yield written


def behind(terms: Sequence[Term], *spoken: str) -> str:
    """Return the name behind these words; '' if they are not there."""
    for n in range(len(terms) - len(spoken)):
        if [word for word, _ in terms[n : n + len(spoken)]] == [*spoken]:
            rest = (t for t in terms[n + len(spoken) :] if t[0] not in ("ONLY", "IF", "EXISTS"))
            word, written = next(rest, ("", ""))
            return written if word or len(written) > 1 else ""
    return ""
