"""Says what a rollback may take away though no `may-lose` names it, because whoever runs it has agreed to that.

Knows losses by their names and numbers; knows nothing of how they were found, nor of how somebody is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sessmig.rows import Loss


@dataclass(frozen=True, slots=True)
class Allowance:
    """What was agreed to.

    Args:
        agreed: the losses, by the title of the migration; whatever the rollback takes away, if None.
    """

    agreed: Mapping[str, Sequence[Loss]] | None = field(default_factory=dict)

    def covers(self, title: str, loss: Loss) -> bool:
        """Tell whether this loss may be: it was agreed to, and is no larger than it was then."""
        if self.agreed is None:
            return True
        known = [one for one in self.agreed.get(title, ()) if _names(one) == _names(loss)]
        return any(one.rows is None or (loss.rows is not None and loss.rows <= one.rows) for one in known)


def _names(loss: Loss) -> tuple[str, str, str, int]:
    return loss.kind, loss.table, loss.column, loss.line
