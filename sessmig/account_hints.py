"""Says what to do about a row account that does not balance, where the rows that are shown do not say it.

Knows accounts and merges; asks no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sessmig.merge import Merge
from sessmig.results import Account

WITHOUT_KEY = "of the source without a key (NULL)"
TWICE = "there more than once"
OTHER_VALUES = "in the target with other values"
_PAGE = "docs/merge.md has an example"


def hints(accounts: Sequence[Account], merges: Sequence[Merge]) -> Iterator[str]:
    """Give what is to be said of failed accounts, each sentence once."""
    found = "\n".join(account.found for account in accounts)
    kept = {merge.where for merge in merges if merge.differing == "keep"}
    if WITHOUT_KEY in found:
        yield f"A row without a key cannot be rejected either: give it one in a query, and reject that ({_PAGE})."
    if TWICE in found:
        yield f"A reject takes all rows of a key: number them in a query, as one more key ({_PAGE})."
    if any(OTHER_VALUES in account.found and account.where in kept for account in accounts):
        yield (
            "`differing: keep` speaks of rows that stood in the target before the step; what the step itself brought "
            f"has to be the same. Two sources that say different things need a step each ({_PAGE})."
        )
