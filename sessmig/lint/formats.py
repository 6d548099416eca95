"""Writes a lint report: for people, for programs, for GitHub's checks, and as SARIF.

Knows reports and formats; finds nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sessmig import __version__
from sessmig.escapes import json_text
from sessmig.lint.finding import REFUSED, WAIVER, Finding, LintReport
from sessmig.lint.rules import RULES
from sessmig.lint.squawk import LOCKING
from sessmig.words import count

_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def _text(report: LintReport) -> Iterator[str]:
    for found in report.findings:
        yield f"{found.path}:{found.line}: {_title(found)}: {found.what}"
        if found.remedy:
            yield f"    {found.remedy}"
    told = f"{count(len(report.findings), 'finding')} in {count(report.files, 'file')}"
    waived = f", {len(report.waived):,} waived" if report.waived else ""
    if report.findings:
        yield ""
    yield f"{told}{waived}"
    if report.findings:
        first = report.findings[0]
        yield f"Why: {first.page} of sessmig's documentation, and its like."
        if any(found.rule not in (REFUSED, WAIVER) for found in report.findings):
            yield "Where one is meant: -- sessmig: allow RULE REASON, above the statement."


def _title(found: Finding) -> str:
    return found.rule if found.source == "sessmig" else f"{found.rule} ({found.source})"


def _json(report: LintReport) -> Iterator[str]:
    value = {
        "files": report.files,
        "findings": [_plain(found) for found in report.findings],
        "waived": [{**_plain(found), "reason": found.reason} for found in report.waived],
        "notes": list(report.notes),
    }
    yield json_text(value)


def _plain(found: Finding) -> dict[str, Any]:
    value = {**asdict(found), "path": str(found.path), "page": found.page}
    return {key: value[key] for key in ("path", "line", "rule", "source", "what", "remedy", "page")}


def _github(report: LintReport) -> Iterator[str]:
    """See https://docs.github.com/actions/reference/workflow-commands-for-github-actions."""
    for found in report.findings:
        place = f"file={_property(found.path.as_posix())},line={found.line},title={_property(_title(found))}"
        yield f"::error {place}::{_data(_message(found))}"
    for note in report.notes:
        yield f"::notice title=sessmig lint::{_data(note)}"


def _message(found: Finding) -> str:
    return f"{found.what}. {found.remedy}" if found.remedy else found.what


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _sarif(report: LintReport) -> Iterator[str]:
    """See https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""
    told = {rule.name: rule.instead for rule in RULES}
    told |= dict.fromkeys(LOCKING, "A locking rule of squawk: https://squawkhq.com/docs/rules")
    told |= {REFUSED: "What migrate would refuse.", WAIVER: "A waiver that does not do what it says."}
    names = sorted(told)
    run = {
        "tool": {
            "driver": {
                "name": "sessmig lint",
                "version": __version__,
                "rules": [{"id": name, "shortDescription": {"text": told[name]}} for name in names],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [{"level": "note", "message": {"text": n}} for n in report.notes],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_result(found, names) for found in (*report.findings, *report.waived)],
    }
    yield json_text({"$schema": _SARIF, "version": "2.1.0", "runs": [run]})


def _result(found: Finding, names: list[str]) -> dict[str, Any]:
    uri = quote(_relative(found.path).as_posix())
    place = {"artifactLocation": {"uri": uri}, "region": {"startLine": found.line}}
    result: dict[str, Any] = {
        "ruleId": found.rule,
        "ruleIndex": names.index(found.rule),
        "level": "error",
        "message": {"text": _message(found)},
        "locations": [{"physicalLocation": place}],
        "properties": {"source": found.source},
    }
    if found.reason:
        result["suppressions"] = [{"kind": "inSource", "justification": found.reason}]
    return result


def _relative(path: Path) -> Path:
    """Return a path as a repository knows it, where it stands below the folder in which lint runs."""
    try:
        return Path(os.path.abspath(path)).relative_to(os.path.abspath(os.curdir))
    except ValueError:
        return path


FORMATS: dict[str, Callable[[LintReport], Iterator[str]]] = {
    "text": _text,
    "json": _json,
    "github": _github,
    "sarif": _sarif,
}
"""Each yields the lines of a report."""
