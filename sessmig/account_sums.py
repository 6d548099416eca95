"""Adds the row accounts of several ranges up to one.

Knows accounts; asks no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sessmig.results import Account


def added(sums: Sequence[Account], more: Sequence[Account]) -> list[Account]:
    """Return the accounts with those of another range added, by the place of their block."""
    found = {account.where: account for account in sums}
    for account in more:
        before = found.get(account.where)
        found[account.where] = account if before is None else _sum(before, account)
    return list(found.values())


def _sum(one: Account, other: Account) -> Account:
    rejected = dict(one.rejected)
    for name, rows in other.rejected:
        rejected[name] = rejected.get(name, 0) + rows
    return replace(
        other,
        source=one.source + other.source,
        inserted=one.inserted + other.inserted,
        identical=one.identical + other.identical,
        differing=one.differing + other.differing,
        rejected=tuple(rejected.items()),
        absent=one.absent + other.absent,
        missing=one.missing + other.missing,
    )
