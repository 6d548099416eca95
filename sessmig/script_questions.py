"""Writes what a step's verify file asks into a script, and how its answers are kept.

Knows blocks and their order; how a program asks and stops, the database knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sessmig.databases.scripting import Scripting
from sessmig.escapes import one_line
from sessmig.model import Block
from sessmig.recorder import Recorder
from sessmig.results import CheckResult, Measurement
from sessmig.verdict import fill


class Questions:
    """What is asked around one step.

    Args:
        program: what asks.
        recorder: where what is known only when the script runs is marked.
        blocks: those of the verify file.
    """

    def __init__(self, program: Scripting, recorder: Recorder, blocks: Sequence[Block]) -> None:
        self._program = program
        self._recorder = recorder
        self._blocks = blocks

    def _query(self, block: Block) -> str:
        names = {name: name for _, name in block.query.names}
        return fill(block.query, names, lambda name: self._program.named(str(name))).strip()

    def before(self) -> Iterator[str]:
        """What is required and measured before the step."""
        for block in self._blocks:
            if block.verb == "require":
                yield from self._program.demand(block, self._query(block), _label(block))
            elif block.before:
                yield from self._program.measure(block.name, self._query(block), _label(block))

    def same(self) -> Iterator[str]:
        """The answers that have to be the same after it."""
        for number, block in enumerate(self._blocks):
            if _is_same(block):
                yield f"-- {_label(block)}: as it is before the step"
                yield from self._program.keep_same(number, self._query(block))

    def after(self) -> Iterator[str]:
        """What is asked after the step, in the file's order."""
        for number, block in enumerate(self._blocks):
            if block.verb == "require" or block.before or _is_left_out(block):
                continue
            query, label = self._query(block), _label(block)
            if block.verb == "measure":
                yield from self._program.measure(block.name, query, label)
            elif _is_same(block):
                yield from self._program.demand_same(number, query, label)
            elif block.verb == "warn":
                yield from self._program.warn(block, query, label, number)
            else:
                yield from self._program.demand(block, query, label)

    def measured(self) -> Iterator[Measurement]:
        """The measures, each with what stands for its value."""
        for block in self._blocks:
            if block.verb == "measure":
                yield Measurement(block.name, self._recorder.mark(self._program.json(block.name)), block.before)

    def checked(self) -> Iterator[CheckResult]:
        """What held, if the script has come so far."""
        for number, block in enumerate(self._blocks):
            if block.verb != "measure" and not _is_left_out(block):
                result = CheckResult(block.verb, block.name, block.where, "passed", block.expected_text)
                if block.verb == "warn":
                    told = (self._program.warned(number), *self._program.found(number))
                    outcome, found, total = map(self._recorder.mark, told)
                    result = replace(result, outcome=outcome, found=found, total=total)  # type: ignore[arg-type]
                yield result


def _label(block: Block) -> str:
    expects = "" if block.verb == "measure" else f", expects {block.expected_text}"
    return one_line(f"{block.verb}: {block.name} ({block.where}{expects})")


def _is_same(block: Block) -> bool:
    return block.expects == "same" and block.verb != "warn"


def _is_left_out(block: Block) -> bool:
    """A warn that compares stops nothing, and what it found would be seen by nobody who compares."""
    return block.expects == "same" and block.verb == "warn"
