"""What there is to know of a step before it runs, in words: a fact each.

A pure function of the step's files and of what was seen of the database; lays nothing out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sessmig import script
from sessmig.enforcement import enforces_foreign_keys
from sessmig.halfway import read_progress
from sessmig.lock_modes import MODES, STRENGTH
from sessmig.merge import Merge
from sessmig.model import Block, Dialect, Script, Step
from sessmig.preview import Preview
from sessmig.stage import stages
from sessmig.words import count

_NOUNS = {"require": "require", "measure": "measure", "check": "check", "warn": "warn", "merge": "merge"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of what there is to know; more lines belong to it."""

    name: Literal["runs", "asks", "may_lose", "locks", "way_back", "wait"]
    text: str


def facts(step: Step, preview: Preview, dialect: Dialect) -> Iterator[Fact]:
    """Give what there is to know of a step, in the order in which it is asked for."""
    yield Fact("runs", "; ".join((*_runs(step, dialect), *_before(step, preview))))
    yield Fact("asks", _asks(step.blocks, step.merges) or "nothing: there is no verify file")
    yield Fact("may_lose", _lost(step.script) or "nothing: what it loses undeclared rolls it back (the loss guard)")
    if wanted := list(_locks(step.script, dialect)):
        yield Fact("locks", "\n".join(wanted))
    yield Fact("way_back", _way_back(step, preview))
    if wait := step.script.directive("wait"):
        held = next((one for one in preview.plan.held if one.version == step.migration.version), None)
        state = f"would be held {held.how}, which --ignore-wait overrules" if held else "it is over"
        yield Fact("wait", f"{wait.argument}: {state}")


def _runs(step: Step, dialect: Dialect) -> Iterator[str]:
    source = step.script
    statements = count(len(source.pieces), "statement")
    if not source.is_staged:
        yield f"{statements}, with the checks and the ledger row in one transaction"
    else:
        yield f"{statements}, in several commits; where it stops, the next run goes on"
    if not enforces_foreign_keys(source):
        yield "foreign keys are off meanwhile, and checked before and behind it"
    for stage in stages(source, step.merges, dialect):
        if stage.kind != "own":
            how = "outside transactions" if stage.batch is None else f"in ranges of {stage.batch}, a commit each"
            yield f"line {stage.piece.statement_line} {how}"
    for directive in source.directives:
        if directive.word == "run-each-row":
            yield f"line {directive.line}: what its rows say is run too, and known only then"


def _before(step: Step, preview: Preview) -> Iterator[str]:
    """Say what was done of a step already, or undone."""
    version = step.migration.version
    for entry in preview.plan.halfway:
        if entry.version == version:
            done = read_progress(entry.metadata).done
            yield f"half done: {done} of {count(len(step.script.pieces), 'statement')}, and it goes on there"
    if version in preview.plan.rolled_back:
        yield "it was applied and rolled back, and is applied again"


def _asks(blocks: tuple[Block, ...], merges: tuple[Merge, ...]) -> str:
    numbers = Counter([*(block.verb for block in blocks), *("merge" for _ in merges)])
    return ", ".join(count(numbers[verb], noun) for verb, noun in _NOUNS.items() if numbers[verb])


def _lost(source: Script) -> str:
    return ", ".join(directive.argument for directive in source.directives if directive.word == "may-lose")


def _locks(source: Script, dialect: Dialect) -> Iterator[str]:
    """Give the strongest lock on each table that the file does not make itself, as far as its text tells."""
    made: set[tuple[str, ...]] = set()
    found: dict[tuple[str, ...], tuple[str, str, int]] = {}
    for piece in source.pieces:
        for name, mode in script.locks(piece.statement, dialect):
            key = script.parts(name, dialect)
            if name and key not in made and (key not in found or STRENGTH[found[key][1]] < STRENGTH[mode]):
                found[key] = name, mode, piece.statement_line
        outline = script.outline(piece.statement, dialect)
        if outline.verb == "CREATE TABLE":
            made.add(script.parts(outline.target, dialect))
    for name, mode, line in sorted(found.values(), key=lambda one: (-STRENGTH[one[1]], one[2])):
        yield f"{name}: {mode} (line {line}), blocks {MODES[mode]}"


def _way_back(step: Step, preview: Preview) -> str:
    backup = "the backup that the run begins with" if preview.backs_up else "a backup, made with --backup"
    if preview.is_new:
        backup = "to no database, as there is none yet"
    if reason := step.script.directive("irreversible"):
        return f"none (irreversible: {reason.argument}); only {backup}"
    if step.rollback is None:
        return f"no rollback file; only {backup}"
    told = f"{step.rollback.path.name}, {count(len(step.rollback.pieces), 'statement')}"
    if asked := _asks(step.rollback_blocks, step.rollback_merges):
        told += f", {asked}"
    if lost := _lost(step.rollback):
        told += f"; takes away {lost}"
    return told
