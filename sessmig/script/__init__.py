"""Cuts SQL into statements, says what each is, and refuses what a step cannot hold.

Knows the quoting of both dialects; knows nothing of what directives mean, of files or databases.
"""

from sessmig.script.comments import comments
from sessmig.script.ddl import Act, act
from sessmig.script.indexes import index_act
from sessmig.script.lexer import next_piece, plain, split
from sessmig.script.locks import locks, locks_are_known
from sessmig.script.names import comparable, parts
from sessmig.script.outline import Outline, is_balanced, outline, placeholders, words
from sessmig.script.refusal import refuse, runs_alone
from sessmig.script.session import moves_sequence, unenforced
from sessmig.script.tokens import atoms, only_names

__all__ = [
    "Act",
    "Outline",
    "act",
    "atoms",
    "comments",
    "comparable",
    "index_act",
    "is_balanced",
    "locks",
    "locks_are_known",
    "moves_sequence",
    "next_piece",
    "only_names",
    "outline",
    "parts",
    "placeholders",
    "plain",
    "refuse",
    "runs_alone",
    "split",
    "unenforced",
    "words",
]
