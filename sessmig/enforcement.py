"""Says which steps are carried out with foreign keys off, and which steps can share one transaction.

Knows directives and dialects; how a database switches them off, its adapter knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from sessmig.errors import FileError, UsageError
from sessmig.model import Dialect, Script

_WORD = "foreign-keys-off"
_ALONE = "no-transaction"
# SQLite switches them between two transactions only. See https://sqlite.org/foreignkeys.html#fk_enable
_PART = "SQLite switches foreign keys between two transactions only"
_ELSEWHERE: dict[Dialect, str] = {
    "postgres": "Leave it out: here ALTER TABLE needs no table made anew. For rows that come before those they refer "
    "to, declare the foreign key DEFERRABLE, or drop it and add it again in the same file."
}
"""The way out where there is no such switch."""


def enforces_foreign_keys(source: Script) -> bool:
    """Tell whether a file leaves foreign keys on."""
    return source.directive(_WORD) is None


def refuse_foreign_keys_off(source: Script, dialect: Dialect) -> None:
    """Refuse, while a file is read, to switch foreign keys off where that cannot be.

    Raises:
        FileError: on PostgreSQL, and where a step is not one transaction.
    """
    directive = source.directive(_WORD)
    if directive is None:
        return
    if remedy := _ELSEWHERE.get(dialect):
        raise FileError(source.path, f"{_WORD} is for SQLite", line=directive.line, remedy=remedy)
    if source.is_staged:
        raise FileError(
            source.path,
            f"{_WORD} in a step that is not one transaction",
            line=directive.line,
            remedy="Give what needs it a file of its own: foreign_key_check is compared before and after it.",
        )


def together(sources: Sequence[Script]) -> int:
    """Return how many scripts, from the first on, can share one transaction."""
    first = enforces_foreign_keys(sources[0]) if sources else True
    apart = (n for n, one in enumerate(sources) if _is_apart(one) or enforces_foreign_keys(one) is not first)
    return next(apart, len(sources))


def _is_apart(source: Script) -> bool:
    return source.directive(_ALONE) is not None


def why_apart(sources: Sequence[Script]) -> str:
    """Say why the first script that cannot share the transaction of those before it cannot."""
    other = sources[together(sources)]
    if _is_apart(other):
        return f"{other.path.name} is {_ALONE}: its statements are commits of their own"
    off = _WORD if not enforces_foreign_keys(other) else f"no {_WORD}, which stands in those before it"
    return f"{other.path.name} has {off}: {_PART}"


def refuse_apart(sources: Sequence[Script]) -> None:
    """Refuse to put scripts into one transaction that cannot share it.

    Raises:
        UsageError: naming the first.
    """
    if together(sources) < len(sources):
        raise UsageError(
            f"--single-transaction: {why_apart(sources)}",
            holds="Nothing was touched.",
            remedy="Run without --single-transaction, or up to that file first (--to).",
        )
