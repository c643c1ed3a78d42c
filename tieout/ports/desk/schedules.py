"""The use cases of schedules as the doors see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tieout.model import Fire, Principal, Run, Schedule, ScheduleSpec, ScheduleState


class ScheduleDesk(Protocol):
    """Adds, changes and fires schedules. `reference` is a name, an id, or the beginning of an id."""

    def add_schedule(self, principal: Principal, spec: ScheduleSpec) -> Schedule:
        """Commit a schedule. Raises InvalidInput, UnknownInstrument, NeedsAnswer, NotFound, NotAvailable, Conflict."""
        ...

    def schedule(self, principal: Principal, reference: str) -> Schedule:
        """Return a schedule. Raises NotFound, NeedsAnswer."""
        ...

    def schedules(self, principal: Principal, *, states: Sequence[ScheduleState] = ()) -> list[Schedule]:
        """Return the workspace's schedules by name."""
        ...

    def fires(self, principal: Principal, reference: str, *, limit: int = 50) -> list[Fire]:
        """Return the fires of a schedule, newest planned time first."""
        ...

    def pause_schedule(self, principal: Principal, reference: str) -> Schedule:
        """Stop planning until it is resumed."""
        ...

    def resume_schedule(self, principal: Principal, reference: str) -> Schedule:
        """Plan again from now on. Raises InvalidInput when nothing is left to plan."""
        ...

    def remove_schedule(self, principal: Principal, reference: str) -> Schedule:
        """Remove a schedule with its fires; the runs that they started stay."""
        ...

    def fire_schedule(self, principal: Principal, reference: str) -> Run:
        """Start the schedule's request now, beside its plan. Raises as `start_run` does."""
        ...

    def preview_rule(self, principal: Principal, rule: str, *, count: int = 5) -> list[datetime]:
        """Return the next `count` times (UTC) of a rule in text form. Raises InvalidInput, NotAvailable."""
        ...
