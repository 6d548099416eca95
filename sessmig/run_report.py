"""The report of a run, frozen: what `ensure_migrations` returns.

Not a dataclass like the other nouns, but written by hand: it is what a start with nothing pending returns, and to
import `dataclasses` (which takes `inspect` along) would take longer than all the rest of such a start.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from sessmig.results import Backup, StepReport
    from sessmig.wait import Held


class Report:
    """What a run did, step by step.

    `action` is `migrate`, `dry-run`, `rollback` or `verify`; `applied` counts the steps that this run itself committed.
    """

    action: str
    series: str
    database: str
    steps: tuple[StepReport, ...]
    standing: int
    """How many migrations of the series stood already when the run began, or were applied by others meanwhile."""
    pending: tuple[str, ...]
    """Titles of the migrations that are still to be run."""
    duration_ms: int
    idle: str
    """Why nothing ran, where it is not just that all is applied: what is left is held, or what was asked for is."""
    backup: Backup | None
    """What would bring the database back to where it was before this run."""
    held: tuple[Held, ...]
    """The migrations that a `wait` holds back."""
    unpreviewed: tuple[str, ...]
    """Titles of the migrations that a dry run could not try out."""
    why_unpreviewed: str
    half_done: tuple[str, ...]
    """What `verify` does not ask, as it is half done."""

    __slots__ = (
        "action",
        "backup",
        "database",
        "duration_ms",
        "half_done",
        "held",
        "idle",
        "pending",
        "series",
        "standing",
        "steps",
        "unpreviewed",
        "why_unpreviewed",
    )

    def __init__(
        self,
        action: str,
        series: str,
        database: str,
        steps: tuple[StepReport, ...] = (),
        standing: int = 0,
        pending: tuple[str, ...] = (),
        duration_ms: int = 0,
        idle: str = "",
        backup: Backup | None = None,
        held: tuple[Held, ...] = (),
        unpreviewed: tuple[str, ...] = (),
        why_unpreviewed: str = "",
        half_done: tuple[str, ...] = (),
    ) -> None:
        given = locals()
        for name in NAMES:
            object.__setattr__(self, name, given[name])

    @property
    def applied(self) -> int:
        return sum(step.outcome == "applied" for step in self.steps)

    def with_(self, **changes: Any) -> Report:
        """Return the same report with other values in some places, as `dataclasses.replace` does it."""
        return Report(**{**self.values(), **changes})

    __replace__ = with_

    def values(self) -> dict[str, Any]:
        """Return all values by their names, in their order."""
        return {name: getattr(self, name) for name in NAMES}

    def __eq__(self, other: object) -> bool:
        return self.values() == other.values() if isinstance(other, Report) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.values().values()))

    def __repr__(self) -> str:
        return f"Report({', '.join(f'{name}={value!r}' for name, value in self.values().items())})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a report cannot be changed ({name}); with_() returns another one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a report cannot be changed ({name})")

    def __reduce__(self) -> tuple[type[Report], tuple[Any, ...]]:
        """Let a report be copied and pickled, though nothing of it can be set."""
        return Report, tuple(self.values().values())


NAMES = tuple(Report.__init__.__code__.co_varnames[1 : Report.__init__.__code__.co_argcount])
"""The fields, in the order of the arguments."""
