"""Lays a chronicle out as one HTML page that needs nothing beside it: no script, no network, no other file.

Knows the template and what it asks for; all that it shows is escaped in one place, by Jinja2's finalize and autoescape.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from shlex import quote
from typing import Any

from sessmig import __version__
from sessmig.chronicle import Chronicle, PastAttempt
from sessmig.digest import digest, run_facts, run_title, table_changes
from sessmig.errors import UsageError
from sessmig.escapes import visible
from sessmig.flow import classes, flow, share
from sessmig.model import Cell
from sessmig.results import Account, CheckResult
from sessmig.row_words import loss_text, sides, told
from sessmig.timeline import timeline
from sessmig.words import count, file_size, shown, took

_MANY = 6
"""A table of more columns than this is laid out row by row."""


def demand_jinja() -> None:
    """Refuse to go on without Jinja2.

    Raises:
        UsageError: naming the extra that brings it.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise UsageError(
            "--format html needs Jinja2, which is not installed",
            holds="Nothing was read or written.",
            remedy="pip install 'sessmig[html]' brings it; --format markdown, text and json need nothing more.",
        ) from None


def html_page(chronicle: Chronicle, pasted: Callable[[str], str] = str) -> str:
    """Return a chronicle as a page.

    Args:
        chronicle: what to tell, the newest run first.
        pasted: makes a command fit to be pasted.

    Raises:
        UsageError: there is no Jinja2.
    """
    demand_jinja()
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def shown_safely(value: Any) -> Any:
        return value if isinstance(value, Markup) else visible(value)

    # A list, a dict or None in the page is a slip of the template; StrictUndefined finds another kind of slip.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=shown_safely, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        count=count,
        took=took,
        size=file_size,
        number=_number,
        cell=_cell,
        share=share,
        loss=loss_text,
        sides=sides,
        quoted=quote,
    )
    source = resources.files("sessmig").joinpath("templates", "report.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        chronicle=chronicle,
        digest=digest(chronicle),
        version=__version__,
        pasted=pasted,
        run_title=run_title,
        run_facts=run_facts,
        table_changes=table_changes,
        timeline=timeline,
        flow=flow,
        classes=classes,
        findings=_findings,
        query=_query,
        many=_MANY,
    )


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _cell(value: Cell) -> str:
    return shown(told(value))


def _findings(attempt: PastAttempt) -> list[CheckResult]:
    """Return an attempt's checks: those first that somebody has to look at."""
    order = {"failed": 0, "warned": 1}
    return sorted(attempt.step.checks if attempt.step else (), key=lambda check: order.get(check.outcome, 2))


def _query(attempt: PastAttempt, found: CheckResult | Account) -> str:
    """Return what a check or merge asked; nothing where the log does not tell."""
    verb = "merge" if isinstance(found, Account) else found.verb
    return attempt.queries.get((verb, found.name), "")
