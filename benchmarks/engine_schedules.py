"""Measures how late schedules fire: from the planned time to the first line of the step of the run that it starts."""

from __future__ import annotations

import statistics
import sys
import time

from engine_desk import IDLE, OWNER, finish, open_desk, outputs, percentile
from engine_sitting import Sitting

from tieout.application import Application
from tieout.model import RunRequest, ScheduleSpec
from tieout.settings import read_settings

SCHEDULES = 10  # each fires once a second, out of step with the others
_PATIENCE_S = 10.0


def lateness(sitting: Sitting) -> dict[str, float]:
    """Let ten schedules fire every second on an otherwise idle embedded engine."""
    seconds = 6 if sitting.quick else 30
    request = RunRequest("when?", agent=IDLE.name, params={"shape": "one", "action": "stamp"})
    with open_desk(read_settings(**sitting.embedded()), work=True) as desk:
        names = [f"every second {number}" for number in range(SCHEDULES)]
        for name in names:
            desk.add_schedule(OWNER, ScheduleSpec(name, "every 1s", request))
            time.sleep(0.097)
        if not _fired(desk, names[0]):
            print("schedule: no scheduler runs in this process", file=sys.stderr)
            return {}
        time.sleep(seconds)
        for name in names:
            desk.pause_schedule(OWNER, name)
        late = [one for name in names for one in _late_ms(desk, name)]
    return {
        "schedule_late_p50_ms": round(statistics.median(late), 2),
        "schedule_late_p95_ms": round(percentile(late, 0.95), 2),
        "schedule_late_max_ms": round(max(late), 2),
        "schedule_fires": len(late),
    }


def _fired(desk: Application, name: str) -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while not desk.fires(OWNER, name):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _late_ms(desk: Application, name: str) -> list[float]:
    """Return how late each fire's step began, the first left out: it warms up."""
    fires = [fire for fire in desk.fires(OWNER, name, limit=1000) if fire.run_id][:-1]
    finish(desk, [fire.run_id for fire in fires if fire.run_id])
    planned = [(fire.planned_at.timestamp(), fire.run_id) for fire in fires if fire.run_id]
    return [1000 * (outputs(desk, run_id)["only"]["began"] - at) for at, run_id in planned]
