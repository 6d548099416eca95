"""Lays a chronicle out as Markdown that a pull request takes: no longer than GitHub has it, and nothing of it linked.

Knows chronicles; asks no database and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from shlex import quote

from sessmig import __version__
from sessmig.chronicle import Chronicle, PastAttempt, Run, WayBack
from sessmig.digest import digest, run_facts, run_title, table_changes
from sessmig.escapes import code, fenced, markdown
from sessmig.flow import classes, share
from sessmig.results import Account, CheckResult
from sessmig.row_words import loss_text, sides, told
from sessmig.rows import Effect
from sessmig.words import count, cut, file_size, shown, took

LONGEST = 65_000
"""GitHub takes 65,536 characters; some are left for whoever adds a line."""
_SIGNS = {"passed": "✅", "failed": "❌", "warned": "⚠️", "not re-runnable": "➖"}


@dataclass(frozen=True, slots=True)
class _Measure:
    """How much is told: less and less, until it is short enough."""

    queries: bool = True
    details: bool = True
    """Statements, measures, and the checks that held, one by one."""
    runs: int | None = None
    """Only the newest so many."""


_MEASURES = (_Measure(), _Measure(queries=False), _Measure(queries=False, details=False))
_LEFT_OUT = "_Left out, as it would be longer than a pull request takes: {}. `sessmig report` has it all._"


def markdown_text(chronicle: Chronicle, pasted: Callable[[str], str] = str) -> str:
    """Return a chronicle as Markdown, the newest run first.

    Args:
        chronicle: what to tell.
        pasted: makes a command fit to be pasted.
    """
    runs = len(chronicle.runs)
    shorter = []
    while runs > 1:
        runs //= 2
        shorter.append(_Measure(queries=False, details=False, runs=runs))
    text = ""
    for measure in (*_MEASURES, *shorter):
        text = "\n".join(_lines(chronicle, pasted, measure))
        if len(text) <= LONGEST:
            return text
    return text[:LONGEST].rpartition("\n")[0] + "\n\n" + _LEFT_OUT.format("the rest")


def _lines(chronicle: Chronicle, pasted: Callable[[str], str], measure: _Measure) -> Iterator[str]:
    yield from _head(chronicle)
    if chronicle.standings:
        yield from (*_standings(chronicle), "")
    newest = chronicle.runs[::-1][: measure.runs]
    for run in newest:
        yield from _run_lines(chronicle, run, measure)
    left_out = [] if measure.queries else ["the queries"]
    left_out += [] if measure.details else ["statements, measures, and the names of the checks that held"]
    left_out += [f"{len(chronicle.runs) - len(newest)} older runs"] if len(newest) < len(chronicle.runs) else []
    if left_out:
        yield from (_LEFT_OUT.format(", ".join(left_out)), "")
    yield from _ways_back(chronicle.ways_back, pasted)
    yield f"_sessmig {markdown(__version__)}, {chronicle.made_at} UTC_"


def _head(chronicle: Chronicle) -> Iterator[str]:
    found = digest(chronicle)
    sign = {"good": "✅", "waiting": "⏳", "bad": "❌"}[found.tone]
    yield f"## Migrations of {markdown(chronicle.series)}"
    yield ""
    yield f"{sign} **{markdown(found.sentence)}** on {code(chronicle.database)}"
    yield ""
    for problem in (*([chronicle.unknown] if chronicle.unknown else []), *chronicle.problems):
        yield from (*fenced(problem), "")
    if not chronicle.is_standing:
        yield from ("There is no log: sessmig has applied nothing here.", "")
    if chronicle.runs:
        rows = found.rows
        cells = {
            "source rows": rows.source,
            "inserted": rows.inserted,
            "identical": rows.identical,
            "differing": rows.differing,
            "rejected": rows.rejected,
            "checks held": found.passed,
            "failed in this run" if chronicle.chosen else "failed in the last run": found.failed,
            "warnings": found.warned,
            "rows taken away": found.deleted,
        }
        told = {name: f"{number:,}" for name, number in cells.items()}
        told["warnings"] += f" ({count(found.warned_rows, 'row')})" if found.warned_rows else ""
        if found.scripted and not found.deleted:
            told["rows taken away"] = "not counted"
        yield from _table(tuple(told), [tuple(told.values())], numbers=range(len(told)))
        yield ""
        if found.uncounted:
            yield from (f"_{found.uncounted[0].upper()}{found.uncounted[1:]}._", "")


def _standings(chronicle: Chronicle) -> list[str]:
    rows = [
        (
            markdown(f"{one.label} {one.name}"),
            markdown(one.state) + (f": {markdown(one.held or one.progress)}" if one.held or one.progress else ""),
            markdown(one.applied_at or one.rolled_back_at or ""),
            markdown(one.applied_by or one.rolled_back_by or ""),
        )
        for one in chronicle.standings
    ]
    return _table(("migration", "state", "when (UTC)", "by"), rows)


def _run_lines(chronicle: Chronicle, run: Run, measure: _Measure) -> Iterator[str]:
    yield f"### {markdown(run_title(run))}"
    yield ""
    yield markdown(run_facts(run))
    yield ""
    if sum(bool(step.step and step.step.effects) for step in run.steps if step.stands) > 1:
        yield from ("Tables, before and after this run:", "", *_effects(table_changes(run.attempts)), "")
    for attempt in run.attempts:
        yield from _backup(chronicle, attempt) if attempt.backup else _attempt(attempt, measure)


def _backup(chronicle: Chronicle, attempt: PastAttempt) -> Iterator[str]:
    if backup := attempt.backup:
        gone = "" if backup.path in chronicle.backups_there else ", not there now, or of another database"
        is_made = (attempt.action, attempt.outcome) == ("backup", "success")
        size, length = file_size(backup.size), took(attempt.duration_ms)
        yield f"**{markdown(attempt.action)}**: {code(backup.path)}, {size} in {length}{gone if is_made else ''}"
        yield from ("", *_error(attempt))


def _error(attempt: PastAttempt) -> Iterator[str]:
    if attempt.error or attempt.holds:
        yield from (*fenced("\n".join(filter(None, (attempt.error, attempt.holds)))), "")


def _attempt(attempt: PastAttempt, measure: _Measure) -> Iterator[str]:
    sign = "❌" if attempt.outcome != "success" else "↩️" if attempt.undone_at else "⚠️" if attempt.run_by else "✅"
    back = "the way back of " if attempt.action == "rollback" else ""
    title = f"{back}{attempt.title}" if attempt.title else attempt.action
    yield f"#### {sign} {markdown(title)}: {markdown(attempt.result)} in {took(attempt.duration_ms)}"
    yield ""
    if attempt.is_described:
        yield from (markdown(attempt.description), "")
    yield from _error(attempt)
    if attempt.caveat:
        yield from (f"**{markdown(attempt.caveat)}**", "")
    step = attempt.step
    if step:
        for loss in step.losses:
            yield from (f"**would be LOST**, so it was rolled back: {markdown(loss_text(loss))}", "")
        for loss in step.allowed:
            yield from (f"**LOST** {markdown(loss_text(loss))}, as --allow-loss let it", "")
        for account in step.merges:
            yield from _merge(attempt, account, measure)
        if step.effects:
            yield from (*_effects(step.effects), "")
        yield from _checks(attempt, measure)
        if measure.details and (step.measurements or step.statements):
            yield from _more(attempt)
    for name, value in attempt.others:
        yield from (f"{markdown(name)}:", "", *fenced(value), "")


def _merge(attempt: PastAttempt, account: Account, measure: _Measure) -> Iterator[str]:
    sign = _SIGNS.get(account.outcome, "")
    yield f"{sign} **merge** {code(sides(account))}{f': {markdown(account.found)}' if account.found else ''}"
    yield ""
    rows = [("**source**", f"{account.source:,}", "")]
    rows += [
        (markdown(name), f"{number:,}", share(number, account.source) if account.source > 0 else "")
        for _, name, number in classes(account)
    ]
    yield from (*_table(("rows", "number", "share"), rows, numbers=(1, 2)), "")
    yield from _examples(account)
    if measure.queries:
        yield from _folded("what was asked", _query(attempt, "merge", account))


def _checks(attempt: PastAttempt, measure: _Measure) -> Iterator[str]:
    checks = attempt.step.checks if attempt.step else ()
    for check in checks:
        if check.outcome != "passed":
            found = f": found {markdown(check.found)}" if check.found else ""
            yield f"{_SIGNS.get(check.outcome, '')} {markdown(check.name)}{found}"
            yield from ("", *_examples(check))
            if measure.queries:
                yield from _folded("what was asked", _query(attempt, check.verb, check))
    held = [check for check in checks if check.outcome == "passed"]
    if not held:
        return
    if not measure.details:
        yield from (f"✅ {count(len(held), 'check')} held", "")
        return
    lines: list[str] = []
    for check in held:
        kind = "" if check.verb == "check" else f" ({check.verb})"
        lines += [f"- {markdown(check.name)}{kind}"]
        if measure.queries and (query := attempt.queries.get((check.verb, check.name))):
            lines += ["", *(f"  {line}" for line in fenced(query, "sql")), ""]
    yield from _folded(f"✅ {count(len(held), 'check')} held", lines)


def _query(attempt: PastAttempt, verb: str, found: CheckResult | Account) -> list[str]:
    query = attempt.queries.get((verb, found.name), "")
    return [markdown(found.where), "", *fenced(query, "sql")] if query else [markdown(found.where)]


def _more(attempt: PastAttempt) -> Iterator[str]:
    step = attempt.step
    if step and step.statements:
        rows = [
            (f"{one.line}", code(one.text or f"{one.verb} {one.target}"), "" if one.rows is None else f"{one.rows:,}")
            for one in step.statements
        ]
        number = sum(one.statements for one in step.statements)
        yield from _folded(count(number, "statement"), _table(("line", "statement", "rows"), rows, numbers=(0, 2)))
    if step and step.measurements:
        rows_ = [
            (markdown(one.name), "before" if one.before else "after", code(shown(cut(one.value))))
            for one in step.measurements
        ]
        yield from _folded(count(len(rows_), "measure"), _table(("measure", "when", "value"), rows_))


def _folded(head: str, lines: Sequence[str]) -> list[str]:
    return ["<details><summary>" + head + "</summary>", "", *lines, "", "</details>", ""]


def _examples(found: CheckResult | Account) -> Iterator[str]:
    if found.examples:
        rows = [tuple(code(shown(told(cut(value)))) for value in row) for row in found.examples]
        yield from _table(tuple(map(markdown, found.columns)), rows)
        more = found.total - len(found.examples)
        yield from ("", f"… and {more:,} more") if more > 0 else ()
        yield ""


def _effects(effects: Sequence[Effect]) -> list[str]:
    rows = [
        (
            markdown(one.table),
            *("–" if n is None else f"{n:,}" for n in (one.before, one.after, one.inserted, one.updated, one.deleted)),
            markdown(", ".join(one.by)),
        )
        for one in effects
    ]
    heads = ("table", "before", "after", "inserted", "updated", "deleted", "taken away by")
    return _table(heads, rows, numbers=range(1, 6))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()) -> list[str]:
    rule = ["---:" if n in numbers else "---" for n in range(len(heads))]
    return [f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows)]


def _ways_back(ways: Sequence[WayBack], pasted: Callable[[str], str]) -> Iterator[str]:
    if not ways:
        return
    yield from ("### The way back", "", "Now, the newest first:", "")
    for first, way in enumerate(ways):
        if way.kind == "rollback":
            yield f"1. **{markdown(way.title)}**: {code(way.text)}"
            if way.behind:
                yield from ("", f"   Only behind a restore, as {markdown(way.behind)} stands above it.", "")
            elif not first:
                yield from ("", f"   {code(pasted('sessmig rollback'))}", "")
            continue
        kind = "is irreversible" if way.kind == "irreversible" else "cannot be rolled back"
        yield f"1. **{markdown(way.title)}** {kind}: {markdown(way.text)}"
        if way.backup:
            command = code(f"{pasted('sessmig restore')} {quote(way.backup)}")
            yield from ("", f"   The backup from before it (what was written since is lost): {command}", "")
    yield ""
