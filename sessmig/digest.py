"""Sums a chronicle up: what it comes to in a sentence, how many rows and checks, what was done to each table.

A pure function; knows words and numbers, no format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sessmig.chronicle import Chronicle, PastAttempt, Run
from sessmig.results import Account
from sessmig.rows import Effect
from sessmig.timeline import length_ms
from sessmig.words import count, took

Tone = Literal["good", "waiting", "bad"]
_HALF_DONE = ("running", "failed", "half done", "half undone")
_DONE = {"migrate": "applied", "rollback": "rolled back", "baseline": "recorded", "adopt": "recorded"}


@dataclass(frozen=True, slots=True)
class Rows:
    """What became of all rows that merges account for."""

    source: int
    inserted: int
    identical: int
    differing: int
    rejected: int
    merges: int


@dataclass(frozen=True, slots=True)
class Digest:
    """What a chronicle comes to."""

    tone: Tone
    sentence: str
    applied: int
    recorded: int
    """Those that count as done, and were never run here."""
    known: int
    """How many migrations there are."""
    rows: Rows
    passed: int
    failed: int
    warned: int
    warned_rows: int
    """How many rows the warnings found."""
    deleted: int
    """Rows that were taken away; each was declared, or the step would have been rolled back."""
    scripted: int
    """Steps that a script ran: their rows were not counted, and their merges not asked."""
    half_done: int
    """Steps that are half done: what they have committed is not in these sums."""
    stopped_by_guard: bool
    """The last run was stopped by the loss guard."""

    @property
    def uncounted(self) -> str:
        """What the sums leave out, in words; empty if nothing."""
        parts = [f"{count(self.scripted, 'step')} run by script"] if self.scripted else []
        parts += [f"{count(self.half_done, 'half-done step')}"] if self.half_done else []
        return f"not counted: {', '.join(parts)}" if parts else ""


def digest(chronicle: Chronicle) -> Digest:
    """Sum a chronicle up: what one run has committed; of all runs, what of that stands, and what failed in the last."""
    steps = _counted(chronicle)
    findings = [found for step in steps for found in step.findings]
    warned = [found for found in findings if found.outcome == "warned"]
    last = _last(chronicle)
    attempts = last.attempts if last else ()
    # What was recorded although it did not hold stands.
    failed = [found for one in attempts for found in one.findings]
    failed += [found for step in steps if step.is_recorded and step not in attempts for found in step.findings]
    effects = [effect for step in steps if step.step for effect in step.step.effects]
    tone, sentence = _verdict(chronicle)
    return Digest(
        tone,
        sentence,
        sum(one.state in ("applied", "changed") for one in chronicle.standings),
        sum(one.state == "baseline" for one in chronicle.standings),
        len(chronicle.standings),
        _rows([found for found in findings if isinstance(found, Account)]),
        sum(found.outcome == "passed" for found in findings),
        sum(found.outcome == "failed" for found in failed),
        len(warned),
        sum(max(found.total, len(found.examples)) for found in warned),
        sum(effect.deleted for effect in effects),
        sum(bool(step.run_by) for step in steps if step.is_step),
        0 if chronicle.chosen else sum(one.state in _HALF_DONE for one in chronicle.standings),
        any(one.step.losses for one in attempts if one.step and not one.stands),
    )


def _counted(chronicle: Chronicle) -> list[PastAttempt]:
    """Return what is summed up: all that one run did; of all runs, what came last to each migration, as that stands."""
    done = [one for run in chronicle.runs for one in run.attempts if one.stands or one.is_recorded]
    if chronicle.chosen:
        return done
    done.sort(key=lambda one: one.number)
    return list({(one.series, one.version): one for one in done}.values())


def _last(chronicle: Chronicle) -> Run | None:
    """Return the newest run that had steps to carry out: a backup since says nothing of how that ended, a restore does.

    What failed before a restore is not what stands now.
    """
    for run in reversed(chronicle.runs):
        if run.kind in ("migrate", "rollback") or (run.kind == "restore" and run.outcome == "success"):
            return None if run.kind == "restore" else run
    return None


def _verdict(chronicle: Chronicle) -> tuple[Tone, str]:
    """Say where it all stands; first what somebody has to look at."""
    states = [one.state for one in chronicle.standings]
    half = [f"{one.label} {one.name}" for one in chronicle.standings if one.state in _HALF_DONE]
    pending = sum(state in ("pending", "rolled back") for state in states)
    held = sum(state == "held" for state in states)
    applied = sum(state in ("applied", "changed") for state in states)
    recorded = states.count("baseline")
    parts = [f"{applied} of {count(len(states), 'migration')} applied"]
    parts += [f"{recorded} recorded without being run"] if recorded else []
    parts += [f"{', '.join(half)} half done"] if half else []
    parts += [f"{pending} pending"] if pending else []
    parts += [f"{held} held back"] if held else []
    parts += [count(len(chronicle.problems), "problem")] if chronicle.problems else []
    last = _last(chronicle)
    if last and last.outcome != "success":
        which = (
            "this run"
            if chronicle.chosen
            else "the last run"
            if last is chronicle.runs[-1]
            else f"the last {last.kind}"
        )
        parts.append(f"{which} {_ended(last.outcome)}")
    if scripted := sum(bool(one.run_by) for one in _counted(chronicle) if one.is_step):
        parts.append(f"{count(scripted, 'step')} run by script, without merges and loss guard")
    if chronicle.unknown:
        return "bad", "nobody can tell where it stands, as a file cannot be read"
    bad = half or chronicle.problems or (last and last.outcome != "success")
    return "bad" if bad else "waiting" if pending or scripted else "good", ", ".join(parts)


def _ended(outcome: str) -> str:
    return {"failed": "failed", "interrupted": "was interrupted", "success": "succeeded"}.get(outcome, outcome)


def _rows(accounts: Sequence[Account]) -> Rows:
    return Rows(
        sum(one.source for one in accounts),
        sum(one.inserted for one in accounts),
        sum(one.identical for one in accounts),
        sum(one.differing for one in accounts),
        sum(number for one in accounts for _, number in one.rejected),
        len(accounts),
    )


def run_title(run: Run) -> str:
    """Name a run and say what came of it: `Run 3: migrate, 2 applied`."""
    done = sum(one.stands or one.is_recorded for one in run.attempts)
    parts = [f"{done} {_DONE.get(run.kind, 'done')}"] if done else []
    parts += [_ended(run.outcome)] if run.outcome != "success" or not done else []
    return f"Run {run.number}: {run.kind}, {', '.join(parts)}"


def run_facts(run: Run) -> str:
    """Say when a run was, how long it took, and who did it with what."""
    guessed = "; the log of that version does not say what was one run" if run.is_guessed and run.attempts[1:] else ""
    length = took(length_ms(run.attempts))
    return f"{run.started_at} UTC, {length}, by {run.done_by} with sessmig {run.sessmig_version}{guessed}"


def table_changes(attempts: Iterable[PastAttempt]) -> tuple[Effect, ...]:
    """Return what committed steps did to each table, all together: before the first of them, and after the last.

    What took rows away is told with the migration whose file has that line.
    """
    found: dict[str, Effect] = {}
    for attempt in attempts:
        for effect in attempt.step.effects if attempt.stands and attempt.step else ():
            effect = replace(effect, by=tuple(f"{attempt.label}: {one}" for one in effect.by))
            first = found.get(effect.table)
            found[effect.table] = _both(first, effect) if first else effect
    return tuple(found[name] for name in sorted(found))


def _both(one: Effect, other: Effect) -> Effect:
    return Effect(
        one.table,
        one.before,
        other.after,
        _sum(one.inserted, other.inserted),
        _sum(one.updated, other.updated),
        one.deleted + other.deleted,
        tuple(dict.fromkeys((*one.by, *other.by))),
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
