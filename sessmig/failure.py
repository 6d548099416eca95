"""Puts a failure into words: what and where, what the database holds now, what to do.

Knows files and errors; opens neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sessmig import generated
from sessmig.account_hints import hints
from sessmig.errors import CheckError, DatabaseError, FileError, LockError, PlanError, SessmigError, StepError
from sessmig.model import Piece, Problem, Script, Step
from sessmig.report import account_lines, check_lines
from sessmig.results import StepReport
from sessmig.row_words import loss_lines
from sessmig.row_words import remedy as loss_remedy
from sessmig.words import WIDE, count, discreet, speaks_of_passwords

_QUOTED = re.compile(r"--[^\n]*|/\*.*?\*/|'((?:[^']|'')*+)'|\$\w*\$([^$]*)\$", re.DOTALL)
_REMEDIES = {
    "42501": "Grant this role the right that it lacks, or run it as another, and run it again.",
    "53100": "Make room on the server's disk, and run it again.",
}


def of_problems(problems: Sequence[Problem], diffs: dict[int, str]) -> PlanError:
    """Name every problem of a plan, each with its way out; where the old text is known, with the difference."""
    lines = []
    for problem in problems:
        lines += [f"{problem.kind}: {problem.text}"]
        if problem.kind == "changed" and problem.version in diffs:
            lines += [f"    {line}" for line in diffs[problem.version].splitlines()]
        lines += [f"    -> {problem.remedy}"]
    heading = f"{count(len(problems), 'problem')} in the plan:"
    return PlanError("\n".join([heading, *lines]), holds="Nothing was touched.")


def of_step(step: Step, error: SessmigError, report: StepReport, *, standing: str) -> SessmigError:
    """Put what stopped a step into words.

    Args:
        step: the step.
        error: what stopped it.
        report: what was done and asked until then.
        standing: what the database holds now, in a sentence.
    """
    if isinstance(error, CheckError):
        failed = [check for check in report.checks if check.outcome == "failed"]
        unbalanced = [account for account in report.merges if account.outcome == "failed"]
        shown = any(check.examples for check in failed) or any(account.examples for account in unbalanced)
        lines = [line for check in failed for line in check_lines(check)]
        lines += [line for account in unbalanced for line in account_lines(account)]
        lines += [line for loss in report.losses for line in loss_lines(loss, report.path)]
        mend = f"Mend {'the rows that are shown' if shown else 'the data'}, or the migration, and run it again."
        if report.losses:
            also = mend if failed or unbalanced else "Else mend the migration, and run it again."
            mend = f"{loss_remedy(report.losses)}.\n{also}"
        mend = "\n".join([*hints(unbalanced, step.merges), mend])
        return CheckError("\n".join(lines) or error.what, holds=standing, remedy=mend)
    if isinstance(error, DatabaseError) and error.is_contention:
        return of_contention(_of_statement(step.script, error), error, standing=standing)
    if isinstance(error, DatabaseError):
        return StepError(
            _of_statement(step.script, error),
            holds="\n".join(filter(None, (standing, error.holds))),
            remedy=error.remedy
            or _REMEDIES.get(error.code, "Mend the file, or what it found in the database, and run it again."),
        )
    if isinstance(error, FileError):
        error.holds = standing
    return error


def of_contention(what: str, error: DatabaseError, *, standing: str) -> LockError:
    """Put into words that others were in the way, and would not go."""
    if not error.hindrance:
        return LockError(what, holds=standing, remedy="Run again when nobody is in the way.")
    remedy = "Run again when they are done, or end them, or wait longer (--lock-wait, lock_wait)."
    return LockError(f"{what}\n{error.hindrance}", holds=standing, remedy=remedy)


def _of_statement(script: Script, error: DatabaseError) -> str:
    if error.index is None or not script.pieces:
        return f"{script.path}: {error.what}"
    piece = failed(script.pieces[min(error.index, len(script.pieces) - 1)], error)
    # Of a large file no more is held than the piece itself.
    text, offset, first = (piece.text, piece.offset, piece.line) if script.in_blocks else (script.text, 0, 1)
    at = error.position
    line, column = _place(text, at - offset, first) if at is not None else (piece.statement_line, None)
    what, shown_line = error.what, _line(text, piece, line, offset)
    excerpt = _excerpt(shown_line, line, column)
    if _is_secret(script) or speaks_of_passwords(error.generated):
        secrets = _secrets(piece.statement) | _secrets(error.generated)
        what, bare = _without(secrets, what), _without(secrets, shown_line)
        if bare != shown_line or speaks_of_passwords(bare):
            excerpt = _excerpt(discreet(bare), line, None)
    return "\n".join([f"{script.path}:{line}: {what}", *excerpt, *generated.lines(error.generated)])


def failed(piece: Piece, error: DatabaseError) -> Piece:
    """Return the one statement that failed; all of a bundle where they cannot be read any more."""
    try:
        return piece.at(error.within, error.position)
    except FileError:
        return piece


def _is_secret(script: Script) -> bool:
    if not script.in_blocks:
        return speaks_of_passwords(script.text)
    try:
        return any(speaks_of_passwords(piece.sent) for piece in script.pieces)
    except FileError:
        return True


def _secrets(statement: str) -> set[str]:
    """Return what stands in quotes: any of it may be the password that the file speaks of."""
    found: set[str] = set()
    for single, dollar in _QUOTED.findall(statement):
        text = single.replace("''", "'") or dollar
        found |= {single, text, *_secrets(text)} - {""}
    return found


def _without(secrets: set[str], text: str) -> str:
    for secret in sorted((secret for secret in secrets if secret in text), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return text


def _place(text: str, at: int, first: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, at) + 1
    return text.count("\n", 0, at) + first, at - start


def _line(text: str, piece: Piece, line: int, offset: int) -> str:
    start = piece.offset + piece.body - offset
    for _ in range(line - piece.statement_line):
        start = text.find("\n", start) + 1
    start = text.rfind("\n", 0, start) + 1
    end = text.find("\n", start)
    return text[start : end if end >= 0 else len(text)]


def _excerpt(shown_line: str, line: int, column: int | None) -> list[str]:
    """Show the line, with a caret where the server gave a position; without one, the statement's first line."""
    left = 0
    if column is not None and column > WIDE * 3 // 4:
        left = column - WIDE // 2
    gutter = f"{line:>5} | "
    shown_part = shown_line[left : left + WIDE]
    lines = [gutter + ("..." if left else "") + shown_part + ("..." if left + WIDE < len(shown_line) else "")]
    if column is not None:
        pad = "".join("\t" if c == "\t" else " " for c in shown_line[left:column])
        lines.append(" " * 5 + " | " + ("   " if left else "") + pad + "^")
    return lines
