"""All rules of sessmig's own, in the order in which they are asked.

Knows their names; docs/lint/NAME.md says why each is one.
"""

from __future__ import annotations

from collections.abc import Iterator

from sessmig.lint import copying, dialects, keys, leaving, losing, nulls, proving
from sessmig.lint.finding import Finding
from sessmig.lint.sheet import Sheet

RULES = (
    *copying.RULES,
    *leaving.RULES,
    *nulls.RULES,
    *losing.RULES,
    *proving.RULES,
    *keys.RULES,
    *dialects.RULES,
)


def asked(sheet: Sheet) -> Iterator[Finding]:
    """Ask every rule that is for this file."""
    for rule in RULES:
        if sheet.kind in rule.kinds and sheet.dialect in rule.dialects:
            for found in rule.ask(sheet):
                remedy = found.remedy or rule.instead
                yield Finding(sheet.path, found.line, rule.name, found.what, remedy, is_whole=found.is_whole)
