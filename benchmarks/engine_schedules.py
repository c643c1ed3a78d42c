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

AT_ONCE = 10  # schedules that fire in the same moment
_PATIENCE_S = 10.0


def lateness(sitting: Sitting) -> dict[str, float]:
    """Let one schedule fire every second on an otherwise idle embedded engine, then ten at once."""
    seconds = 8 if sitting.quick else 60
    names = [f"every second {number}" for number in range(AT_ONCE + 1)]
    with open_desk(read_settings(**sitting.embedded()), work=True) as desk:
        alone = _watch(desk, names[:1], seconds)
        if not alone:
            print("schedule: no scheduler runs in this process", file=sys.stderr)
            return {}
        together = _watch(desk, names[1:], seconds // 2)
    return {
        "schedule_fires": len(alone),
        "schedule_late_p50_ms": round(statistics.median(alone), 2),
        "schedule_late_p95_ms": round(percentile(alone, 0.95), 2),
        "schedule_ten_late_p95_ms": round(percentile(together, 0.95), 2),
    }


def _watch(desk: Application, names: list[str], seconds: float) -> list[float]:
    """Return how late, in milliseconds, the fires of some schedules were; nothing when none came."""
    request = RunRequest("when?", agent=IDLE.name, params={"shape": "one", "action": "stamp"})
    for name in names:
        desk.add_schedule(OWNER, ScheduleSpec(name, "every 1s", request))
    if not _fired(desk, names[0]):
        return []
    time.sleep(seconds)
    for name in names:
        desk.pause_schedule(OWNER, name)
    time.sleep(1.0)  # for a fire in hand
    return [one for name in names for one in _late_ms(desk, name)]


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
    planned = [(fire.planned_at.timestamp(), fire.run_id) for fire in fires if fire.run_id]
    finish(desk, [run_id for _, run_id in planned])
    return [1000 * (outputs(desk, run_id)["only"]["began"] - at) for at, run_id in planned]
