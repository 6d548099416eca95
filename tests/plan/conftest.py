"""What the tests of `plan` share: the command without a process of its own, and a small series."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adopt.inside import inside
from tests.fixtures.files import WriteMigrations
from tests.plan.shop import FILES

__all__ = ["inside"]


@pytest.fixture
def shop(migrations: WriteMigrations) -> Path:
    """A series of two steps and one that is held."""
    return migrations(FILES)
