"""Refuses a plan that has problems, and shows what changed in files that were edited.

Knows where the old texts are; asks for them only when there is something to show.
"""

from __future__ import annotations

import difflib

from sessmig.errors import FileError
from sessmig.failure import of_problems
from sessmig.files import read_text
from sessmig.ledger import Ledger
from sessmig.model import Plan
from sessmig.words import discreet

_SHOWN_DIFF = 20


def refuse(plan: Plan, ledger: Ledger) -> None:
    """Refuse a plan that has problems, all of them at once.

    Raises:
        PlanError: naming each problem with its way out.
    """
    if plan.problems:
        changed = [problem.version for problem in plan.problems if problem.kind == "changed"]
        raise of_problems(plan.problems, differences(plan, ledger.texts(changed)))


def differences(plan: Plan, texts: dict[int, str]) -> dict[int, str]:
    """Show what changed in the files whose old text is known."""
    found = {}
    for problem in plan.problems:
        if problem.version not in texts or problem.path is None:
            continue
        try:
            now = read_text(problem.path)
        except FileError as error:
            found[problem.version] = error.reason
            continue
        lines = list(
            difflib.unified_diff(
                texts[problem.version].splitlines(), now.splitlines(), "applied", "now", lineterm="", n=1
            )
        )[2:]
        more = len(lines) - _SHOWN_DIFF
        shown = [discreet(line) for line in lines[:_SHOWN_DIFF]]
        found[problem.version] = "\n".join(shown + ([f"... {more} more lines"] if more > 0 else []))
    return found
