"""Lays a chronicle out as plain text, and as JSON.

Knows chronicles; asks no database and prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from shlex import quote
from typing import Any

from sessmig import __version__
from sessmig.chronicle import Chronicle, PastAttempt, Run, WayBack
from sessmig.digest import digest, run_facts, run_title, table_changes
from sessmig.escapes import one_line, visible
from sessmig.report import step_lines
from sessmig.row_words import effect_lines
from sessmig.timeline import length_ms
from sessmig.words import count, file_size, plain, table, took


def chronicle_lines(chronicle: Chronicle) -> Iterator[str]:
    """Lay a chronicle out, the newest run last; a control character is shown, and never sent to a terminal."""
    for line in _lines(chronicle):
        yield from visible(line).split("\n")


def _lines(chronicle: Chronicle) -> Iterator[str]:
    yield f"{one_line(chronicle.series)} on {one_line(chronicle.database)}"
    yield digest(chronicle).sentence
    if not chronicle.is_standing:
        yield "there is no log: sessmig has applied nothing here"
    yield from chronicle.unknown.splitlines()
    for problem in chronicle.problems:
        yield from problem.splitlines()
    yield ""
    rows = [
        (one.label, one.name, one.state, one.applied_at or one.rolled_back_at or "", one.applied_by or "")
        for one in chronicle.standings
    ]
    if rows:
        yield from (f"  {line}" for line in table(("version", "name", "state", "when (UTC)", "by"), rows))
    yield from (f"  {one.held}" for one in chronicle.standings if one.held)
    yield from (f"  {one.label} {one.name}: {one.progress}" for one in chronicle.standings if one.progress)
    if chronicle.chosen and chronicle.total > 1:
        yield ""
        yield f"this tells of run {chronicle.chosen} alone, of {chronicle.total}"
    for run in chronicle.runs:
        yield ""
        yield from _run_lines(chronicle, run)
    yield ""
    yield from _summary(chronicle)
    if chronicle.ways_back:
        yield "the way back, the newest first"
        for first, way in enumerate(chronicle.ways_back):
            yield from _way_lines(way, is_next=not first)


def _run_lines(chronicle: Chronicle, run: Run) -> Iterator[str]:
    yield run_title(run)
    yield f"  {run_facts(run)}"
    for attempt in run.attempts:
        yield ""
        yield from _attempt_lines(chronicle, attempt)
    effects = table_changes(run.attempts)
    if sum(bool(step.step and step.step.effects) for step in run.steps if step.stands) > 1:
        yield ""
        yield "tables, before and after this run"
        yield from (f"    {line}" for line in effect_lines(effects))


def _attempt_lines(chronicle: Chronicle, attempt: PastAttempt) -> Iterator[str]:
    if attempt.backup:
        kept = "" if attempt.backup.path in chronicle.backups_there else ", not there now, or of another database"
        there = kept if (attempt.action, attempt.outcome) == ("backup", "success") else ""
        size, length = file_size(attempt.backup.size), took(attempt.duration_ms)
        yield f"{attempt.action} {one_line(attempt.backup.path)}, {size} in {length}: {attempt.outcome}{there}"
    else:
        title = " ".join(filter(None, (attempt.action, one_line(attempt.title))))
        at = f", {attempt.undone_at} UTC" if attempt.undone_at else ""
        yield f"{title}: {attempt.result}{at}, {took(attempt.duration_ms)}"
    if attempt.is_described:
        yield f"    {one_line(attempt.description)}"
    for line in (*attempt.error.splitlines(), *attempt.holds.splitlines(), attempt.caveat):
        if line:
            yield f"    {line}"
    if attempt.step:
        yield from list(step_lines(attempt.step, {"failed", "warned"}))[1:]
    for name, value in attempt.others:
        first, *more = value.splitlines() or [""]
        yield f"  {name}: {first}"
        yield from (f"    {line}" for line in more)


def _summary(chronicle: Chronicle) -> Iterator[str]:
    found = digest(chronicle)
    rows = found.rows
    if rows.merges:
        yield (
            f"{count(rows.source, 'source row')} merged: {rows.inserted:,} inserted, {rows.identical:,} identical, "
            f"{rows.differing:,} differing, {rows.rejected:,} rejected"
        )
    run = "this run" if chronicle.chosen else "the last run"
    failed = f", {found.failed} FAILED in {run}" if found.failed else ""
    failed += f", {run} stopped by the loss guard" if found.stopped_by_guard else ""
    rows_of = f" ({count(found.warned_rows, 'row')})" if found.warned_rows else ""
    away = f"{count(found.deleted, 'row')} taken away"
    if found.scripted and not found.deleted:
        away = "rows taken away: not counted"
    yield (f"{count(found.passed, 'check')} held{failed}, {count(found.warned, 'warning')}{rows_of}, {away}")
    if found.uncounted:
        yield found.uncounted


def _way_lines(way: WayBack, *, is_next: bool) -> Iterator[str]:
    """Say how one migration would be undone, with the command where it is the next to be."""
    if way.kind == "rollback":
        yield f"  {way.title}: {way.text}"
        if way.behind:
            yield f"    -> Only behind a restore, as {way.behind} stands above it."
        elif is_next:
            yield "    -> sessmig rollback"
        return
    yield f"  {way.title} {'is irreversible' if way.kind == 'irreversible' else 'cannot be rolled back'}: {way.text}"
    if way.kind != "baseline" and way.backup:
        yield f"    -> sessmig restore {quote(way.backup)} (what was written since is lost)"
    elif way.kind != "baseline":
        yield "    -> The log knows of no backup from before it that is still there."


def chronicle_json(chronicle: Chronicle) -> dict[str, Any]:
    """Return a chronicle as JSON knows it."""
    told = asdict(chronicle)
    told["backups_there"] = sorted(chronicle.backups_there)
    for run, shown in zip(chronicle.runs, told["runs"], strict=True):
        facts = {"outcome": run.outcome, "started_at": run.started_at, "duration_ms": length_ms(run.attempts)}
        shown |= facts | {"done_by": run.done_by, "tables": [asdict(one) for one in table_changes(run.attempts)]}
        for attempt, one in zip(run.attempts, shown["attempts"], strict=True):
            one["queries"] = [{"verb": verb, "name": name, "query": q} for (verb, name), q in attempt.queries.items()]
            one["others"], one["result"] = dict(attempt.others), attempt.result
    known: dict[str, Any] = plain({"sessmig": __version__, "digest": asdict(digest(chronicle)), **told})
    return known
