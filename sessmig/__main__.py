"""`python -m sessmig` is the command `sessmig`."""

import sys

from sessmig.cli import program

sys.exit(program())
