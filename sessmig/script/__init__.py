"""Cuts SQL into statements, says what each is, and refuses what a step cannot hold.

Knows the quoting of both dialects; knows nothing of what directives mean, of files or databases.
"""

from sessmig.script.comments import comments
from sessmig.script.lexer import split
from sessmig.script.outline import Outline, is_balanced, outline, placeholders, words
from sessmig.script.refusal import refuse
from sessmig.script.tokens import only_names

__all__ = ["Outline", "comments", "is_balanced", "only_names", "outline", "placeholders", "refuse", "split", "words"]
