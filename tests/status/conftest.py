"""The command line in this process, for the tests of this folder."""

from tests.adopt.inside import inside

__all__ = ["inside"]
