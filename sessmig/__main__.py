"""`python -m sessmig` is the command `sessmig`."""

import sys

from sessmig.cli import main

sys.exit(main())
