"""What there is to know of a step before it runs, in words: a fact each.

A pure function of the step's files and of what was seen of the database; lays nothing out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sessmig import generated, reach, script
from sessmig.enforcement import enforces_foreign_keys
from sessmig.halfway import read_progress
from sessmig.lock_modes import MODES, STRENGTH
from sessmig.merge import Merge
from sessmig.model import Block, Dialect, Script, Step
from sessmig.preview import Preview
from sessmig.stage import stages
from sessmig.words import count

_MAKING = ("CREATE TABLE", "CREATE VIEW", "CREATE MATERIALIZED VIEW", "CREATE SEQUENCE")
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
    yield Fact("may_lose", _lost(step.script) or f"nothing: {_guarded(step, dialect)}")
    if wanted := list(locks(step, preview, dialect)):
        yield Fact("locks", "\n".join(map(str, wanted)))
    yield Fact("way_back", _way_back(step, preview))
    if wait := step.script.directive("wait"):
        held = next((one for one in preview.plan.held if one.version == step.migration.version), None)
        state = "it is over"
        if held:
            how = f"held until {held.until} UTC" if held.until else f"held, as {held.why}"
            state = f"{how}; --ignore-wait runs it all the same"
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


@dataclass(frozen=True, slots=True)
class Lock:
    """The strongest lock on a table; on one that is not known, if it has no name."""

    table: str
    mode: str
    line: int
    blocks: str

    def __str__(self) -> str:
        if not self.table:
            return f"not known (line {self.line}: {self.blocks})"
        return f"{self.table}: {self.mode} (line {self.line}), blocks {self.blocks}"


def locks(step: Step, preview: Preview, dialect: Dialect) -> Iterator[Lock]:
    """Give the strongest lock on each table that the file does not make itself, as far as text and catalogue tell."""
    source = step.script
    made: set[tuple[str, ...]] = set()
    found: dict[tuple[str, ...], tuple[str, str, int]] = {}
    unknown: list[Lock] = []
    queries = {source.pieces[number].statement_line for number in generated.queries(source)}
    for piece in source.pieces:
        text, line = piece.statement, piece.statement_line
        outline = script.outline(text, dialect)
        gives = line in queries
        if not script.locks_are_known(text, dialect, gives=gives):
            unknown.append(Lock("", "", line, "what its rows say" if gives else outline.verb))
        for name, mode in reach.locks(text, preview.ties, dialect):
            key = script.parts(name, dialect)
            if key not in made and (key not in found or STRENGTH[found[key][1]] < STRENGTH[mode]):
                found[key] = name, mode, line
        if outline.verb in _MAKING:
            made.add(script.parts(outline.target, dialect))
    for name, mode, line in sorted(found.values(), key=lambda one: (-STRENGTH[one[1]], one[2])):
        yield Lock(name, mode, line, MODES[mode])
    yield from unknown


def _guarded(step: Step, dialect: Dialect) -> str:
    """Say what the loss guard does about losses that nobody declared."""
    if not step.script.is_staged:
        return "what it loses undeclared rolls it back (the loss guard)"
    told = "an undeclared loss rolls back its statement, or its range of a batch, and what stands before stays"
    found = stages(step.script, step.merges, dialect)
    if alone := ", ".join(str(stage.piece.statement_line) for stage in found if stage.kind == "alone"):
        told += f"; line {alone}, outside transactions, has no guard"
    return f"{told} (the loss guard)"


def _way_back(step: Step, preview: Preview) -> str:
    backup = "only the backup that the run begins with" if preview.backs_up else "only a backup, made with --backup"
    if preview.is_new:
        backup = "and no backup, as there is no database yet"
    if any(entry.version == step.migration.version for entry in preview.plan.halfway):
        backup = "only a backup from before its first attempt: one that is made now is from the middle of it"
    if reason := step.script.directive("irreversible"):
        return f"none (irreversible: {reason.argument}); {backup}"
    if step.rollback is None:
        return f"no rollback file; {backup}"
    told = f"{step.rollback.path.name}, {count(len(step.rollback.pieces), 'statement')}"
    if asked := _asks(step.rollback_blocks, step.rollback_merges):
        told += f", {asked}"
    if lost := _lost(step.rollback):
        told += f"; it may lose rows of {lost}"
    return told
