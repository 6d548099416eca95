"""Lays out what would run, in order, as one page for people.

Knows previews only; asks no database and prints nothing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from sessmig.colour import laid_out
from sessmig.escapes import one_line
from sessmig.folding import laid_out_lines
from sessmig.model import Dialect, Step
from sessmig.pair_files import files_of
from sessmig.plan import Wish
from sessmig.preview import Preview
from sessmig.preview_facts import facts
from sessmig.surrounding import Added, Surrounding
from sessmig.words import count

_NAMES = {
    "runs": "runs",
    "asks": "asks",
    "may_lose": "may lose",
    "locks": "locks",
    "way_back": "way back",
    "wait": "wait",
}
_LABEL = 13
_LEAST = 40
"""A page is never narrower."""


def page_lines(
    preview: Preview,
    dialect: Dialect,
    around: Mapping[int, Surrounding],
    *,
    width: int | None = None,
    coloured: bool = False,
) -> Iterator[str]:
    """Give the page line by line.

    Args:
        preview: what would run.
        dialect: that of its files.
        around: what sessmig adds around each step, by its version; nothing of it is shown, if empty.
        width: how many characters there are; as many as it takes, if None.
        coloured: whether there are colours.
    """
    page = _Page(None if width is None else max(width, _LEAST), coloured, dialect)
    steps = preview.steps
    yield from page.folded(f"{preview.series.name} on {preview.label}", "", bold=True)
    yield from page.folded(", ".join(_summary(preview)), "")
    if steps and any(fact.name == "locks" for step in steps for fact in facts(step, preview, dialect)):
        yield from page.folded(
            "locks: as far as the text tells, and today's foreign keys, partitions and heirs; triggers, cascades, "
            "views, functions, and what an earlier step makes may take more (sessmig rehearse sees)",
            "",
        )
    if around:
        yield from page.folded(
            "with what sessmig adds (+), but for the loss guard's own queries, which count what goes, and those that "
            "only a failure asks; lock_timeout grows from try to try",
            "",
        )
    for number, step in enumerate(steps, 1):
        yield ""
        yield from page.folded(f"{number} of {len(steps)}  {step.migration.title}", "", bold=True)
        yield from _step_lines(page, preview, step, dialect)
        surrounding = around.get(step.migration.version)
        yield from page.added(surrounding.before if surrounding else ())
        yield from page.numbered(step.script.text, surrounding.amid if surrounding else {})
        yield from page.added(surrounding.behind if surrounding else ())
    yield from _rest(page, preview)


def _summary(preview: Preview) -> Iterator[str]:
    steps = len(preview.steps)
    yield f"{count(steps, 'migration')} would run" if steps else "nothing would run"
    held = [one for one in preview.plan.held if not one.ignored]
    if preview.plan.later:
        yield f"{len(preview.plan.later)} not asked for"
    if held:
        yield f"{len(held)} held"
    yield f"{len(preview.plan.applied)} applied"


def _step_lines(page: _Page, preview: Preview, step: Step, dialect: Dialect) -> Iterator[str]:
    yield from page.folded(step.script.description, "  ")
    for part, path in files_of(step.migration).items():
        name = "" if part != "migration" else "files"
        yield from page.fact(name, f"{preview.hashes[step.migration.version][part][:12]}  {path}")
    for fact in facts(step, preview, dialect):
        for n, line in enumerate(fact.text.split("\n")):
            yield from page.fact("" if n else _NAMES[fact.name], line)


def _rest(page: _Page, preview: Preview) -> Iterator[str]:
    held = [one for one in preview.plan.held if not one.ignored]
    if held or preview.plan.later:
        yield ""
    for one in held:
        yield from page.folded(f"not now: {one}", "")
    for migration in preview.plan.later:
        yield from page.folded(f"not now: {migration.title}, which was not asked for", "")
    if preview.steps:
        yield ""
        backup = "It begins with a backup. " if preview.backs_up else ""
        yield from page.folded(f"{backup}Nothing was written. To run it:", "")
        yield f"-> sessmig migrate{_options(preview.wish)}"


def _options(wish: Wish) -> str:
    """Return by which options a run does the same."""
    told = "" if wish.to is None else f" --to {wish.to}"
    told += "" if wish.only is None else f" --only {wish.only}"
    told += " --allow-late" if wish.allow_late else ""
    told += "" if wish.ahead == "error" else f" --ahead {wish.ahead}"
    return told + (" --ignore-wait" if wish.ignore_wait else "")


class _Page:
    """How a page is laid out."""

    def __init__(self, width: int | None, coloured: bool, dialect: Dialect) -> None:
        self._dialect: Dialect = dialect
        self._width = width
        self._coloured = coloured

    def folded(self, text: str, indent: str, *, bold: bool = False, hanging: str | None = None) -> list[str]:
        """Fold a text into lines of the page's width."""
        text = one_line(text)
        if self._width is None:
            lines = [indent + text]
        else:
            following = indent if hanging is None else hanging
            lines = textwrap.wrap(
                text, self._width, initial_indent=indent, subsequent_indent=following, break_on_hyphens=False
            )
        return [f"\x1b[1m{line}\x1b[0m" for line in lines] if bold and self._coloured else lines

    def fact(self, name: str, text: str) -> list[str]:
        return self.folded(text, f"  {name.ljust(_LABEL - 2)}", hanging=" " * _LABEL)

    def numbered(self, text: str, amid: Mapping[int, tuple[Added, ...]]) -> Iterator[str]:
        """Give a file's lines with their numbers, as they stand there."""
        yield ""
        last = 0
        for number, line in self._sql(text.rstrip("\n"), numbered=True):
            if number != last and last in amid:
                yield from (*self.added(amid[last]), "")
            last = number
            yield line
        if last in amid:
            yield from self.added(amid[last])

    def added(self, parts: tuple[Added, ...]) -> Iterator[str]:
        """Give what sessmig adds, without numbers: it stands in no file."""
        for part in parts:
            yield ""
            yield from self.folded(f"  + {part.title}", "", bold=True)
            for statement in part.statements:
                text = laid_out(statement.strip().removesuffix(";"))
                yield from (line for _, line in self._sql(f"{text};", numbered=False))

    def _sql(self, text: str, *, numbered: bool) -> Iterator[tuple[int, str]]:
        return laid_out_lines(text, self._dialect, width=self._width, coloured=self._coloured, numbered=numbered)
