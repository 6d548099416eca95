"""Finds, in the files alone, what migrations have lost rows by; no database is opened.

Knows files, rules and waivers; knows nothing of ledgers and databases.
"""

from sessmig.lint.finding import Finding, LintReport
from sessmig.lint.formats import FORMATS
from sessmig.lint.look import lint
from sessmig.lint.rules import RULES
from sessmig.lint.squawk import LOCKING

__all__ = ["FORMATS", "LOCKING", "RULES", "Finding", "LintReport", "lint"]
