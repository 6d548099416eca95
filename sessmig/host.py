"""Names the machine.

Knows that the system tells it at once, while Python's `socket` takes longer to be imported than a step to be done.
"""

from __future__ import annotations

import os


def host() -> str:
    """Return the name under which the machine knows itself."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket

    return socket.gethostname()
