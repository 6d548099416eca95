"""Reads `-- sessmig: allow RULE REASON`, and takes out what it allows.

Knows which statement a waiver speaks of; knows nothing of what the rules ask.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sessmig.lint.finding import REFUSED, WAIVER, Finding
from sessmig.model import Directive

_WRITE = (
    "Write -- sessmig: allow RULE REASON above the statement; for the whole file, above the first with an empty line "
    "between."
)
_RULE = re.compile(r"(?P<rule>[^\s:,;]*)[:,;]?\s*(?P<reason>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Waiver:
    """One `allow`."""

    path: Path
    line: int
    rule: str
    reason: str
    first: int
    """The first line that it speaks of, and the last."""
    last: int
    is_whole: bool = False
    """It stands at the file's top, above all statements: it speaks of what is said of the whole file, too."""

    def fits(self, finding: Finding) -> bool:
        if (finding.path, finding.rule) != (self.path, self.rule):
            return False
        return self.first <= finding.line <= self.last or (self.is_whole and finding.is_whole)


def read_waivers(
    path: Path, text: str, directives: Sequence[Directive], statements: Sequence[tuple[int, int]]
) -> Iterator[Waiver]:
    """Yield the waivers of a file.

    Args:
        path: the file.
        text: what it holds.
        directives: those of the file.
        statements: the first and the last line of each statement that is run.
    """
    lines = text.split("\n")
    for directive in directives:
        if directive.word != "allow":
            continue
        match = _RULE.fullmatch(directive.argument)
        rule, reason = (match["rule"], match["reason"]) if match else ("", "")
        first, last = next((pair for pair in statements if pair[0] > directive.line), (0, 0))
        is_top = bool(statements) and first == statements[0][0]
        is_apart = any(not line.strip().startswith("--") for line in lines[directive.line : first - 1])
        if is_top and is_apart:
            first, last = 1, len(lines)
        yield Waiver(path, directive.line, rule, reason.strip(), first, last, is_top)


def waived(
    findings: Sequence[Finding], waivers: Sequence[Waiver], known: Collection[str], unasked: Collection[str]
) -> tuple[list[Finding], list[Finding]]:
    """Part findings into those that stand and those that are waived; what is wrong with a waiver is a finding too.

    Args:
        findings: all.
        waivers: all.
        known: the names of all rules.
        unasked: rules that were not asked, so that a waiver of theirs may be of use all the same.
    """
    sound = [w for w in waivers if w.reason and w.rule in known and not _second(w, known)]
    standing, allowed = [], []
    used: set[Waiver] = set()
    for finding in findings:
        fitting = [w for w in sound if w.fits(finding)]
        used.update(fitting)
        if fitting:
            allowed.append(replace(finding, reason=fitting[0].reason))
        else:
            standing.append(finding)
    for waiver in waivers:
        if waiver not in used and (said := _wrong(waiver, known, unasked)):
            standing.append(Finding(waiver.path, waiver.line, WAIVER, said[0], said[1]))
    return standing, allowed


def _second(waiver: Waiver, known: Collection[str]) -> str:
    """Return another rule that is named where the reason begins; '' where there is none."""
    words = [word.strip(",:;&") for word in waiver.reason.split(maxsplit=2)]
    words = [word for word in words if word and word.lower() not in ("and", "or")][:1]
    return words[0] if words and words[0] in known else ""


def _wrong(waiver: Waiver, known: Collection[str], unasked: Collection[str]) -> tuple[str, str] | None:
    from difflib import get_close_matches

    if not waiver.rule:
        return "a waiver without a rule", _WRITE
    if waiver.rule in (REFUSED, WAIVER):
        return f"{waiver.rule} cannot be waived", "Mend what it says."
    if waiver.rule not in known:
        near = get_close_matches(waiver.rule, known, 1)
        return f"a waiver of an unknown rule: {waiver.rule}", f"Did you mean {near[0]}?" if near else "Take it away."
    if second := _second(waiver, known):
        return f"a waiver of {waiver.rule} that names {second} too", "Write a line for each rule, with its reason."
    if not waiver.reason:
        return f"a waiver of {waiver.rule} without a reason", _WRITE
    if waiver.rule in unasked:
        return None
    return f"a waiver of {waiver.rule} that waives nothing", "Take it away."
