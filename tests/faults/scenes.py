"""The commands that faults are injected into, and what the next plain run after a fault has to bring about.

Knows commands and what holds after them; knows nothing of how faults are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.child import Child, Ended
from tests.faults.ground import Ground, SqliteGround
from tests.faults.verdict import BrokenError, Met, clean, finished, said_well, stands_well, succeeded

COMMANDS = ("migrate", "rollback", "backup", "restore")
_CHANGE = "DELETE FROM messages WHERE id > 20; UPDATE people SET name = 'changed ' || name"


@dataclass(slots=True)
class Scene:
    """One command on one ground."""

    command: str
    ground: Ground
    options: tuple[str, ...] = ()
    old: str = ""
    """Restore: the state that is replaced."""

    @property
    def name(self) -> str:
        journal = f"/{self.ground.journal}" if isinstance(self.ground, SqliteGround) else ""
        kind = self.ground.series.kind if self.command in ("migrate", "rollback") else "-"
        return f"{self.ground.dialect}{journal} {self.command} {kind}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command line."""
        wait = ("--lock-wait", "1")
        if self.command == "restore":
            return ("restore", "--yes", *wait)
        return (self.command, *wait, *self.options)

    def prepare(self) -> None:
        """Make what the command begins with."""
        if self.command != "restore" or self.old:
            return
        ground = self.ground
        ground.lay("begun")
        succeeded(ground.run("backup"))
        seen = ground.probe()
        for statement in _CHANGE.split("; "):
            seen.execute(statement)
        seen.close()
        ground.keep("changed")
        self.old = ground.state()

    def lay(self) -> None:
        """Put the database back to where the command begins."""
        self.ground.lay({"migrate": "begun", "backup": "begun", "rollback": "done", "restore": "changed"}[self.command])

    def start(self, prepare: Callable[[], None] | None = None, url: str = "") -> Child:
        """Start it."""
        return self.ground.start(*self.arguments, url=url, prepare=prepare)

    def hold(self, met: Met, ended: Ended, *, killed: bool, fine: tuple[int, ...] = ()) -> None:
        """Hold all that has to hold after a fault, and that the next plain run finishes it."""
        met.ended = ended
        ground = self.ground
        said_well(ended, killed=killed, fine=fine)
        if isinstance(ground, SqliteGround):
            met.was_hot = ground.is_hot
        ground.settle()
        met.half_index = bool(ground.half_indexes())
        if self.command in ("migrate", "rollback"):
            self._hold_step(ended)
        elif self.command == "backup":
            stands_well(ground, exactly=ground.forth[0])
            succeeded(ground.run("backup"))
            stands_well(ground, exactly=ground.forth[0])
            clean(ground)
        else:
            self._hold_restored(ended)

    def _hold_step(self, ended: Ended) -> None:
        ground, back = self.ground, self.command == "rollback"
        standing = stands_well(ground, back=back)
        is_done = standing.status == ("rolled_back" if back else "success")
        if ended.code == 0 and not is_done:
            raise BrokenError(f"exit code 0, and the ledger says {standing}:\n{ended.output}")
        succeeded(ground.run(*(("rollback",) if back and not is_done else ("migrate",))))
        finished(ground, back=back and not is_done, again=back and is_done, is_idle=is_done and not back)
        if is_done and not back:  # with nothing to do it has not even looked for the lock that a dead process has left
            succeeded(ground.run("rollback"))
            finished(ground, back=True)

    def _hold_restored(self, ended: Ended) -> None:
        ground = self.ground
        restored, state = ground.forth[0], ground.state()
        if state not in (self.old, restored):
            raise BrokenError(f"neither the old state nor the restored one: {state}")
        if ended.code == 0 and state != restored:
            raise BrokenError(f"exit code 0, and it is not restored:\n{ended.output}")
        again = ground.run("restore", "--yes")
        succeeded(again)
        if ground.state() != restored:
            raise BrokenError("the next restore did not restore it")
        # A process that was killed leaves the old state beside the database, as docs/backup.md says.
        kept = [name for name in ground.left() if ".before_restore_" not in name]
        if kept:
            raise BrokenError(f"left behind: {kept}")
