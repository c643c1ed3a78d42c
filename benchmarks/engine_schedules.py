"""Measures how late schedules fire: from the planned time to the first line of the run's step."""

from __future__ import annotations

import importlib.util
import sys

from engine_sitting import Sitting


def lateness(sitting: Sitting) -> dict[str, float]:  # noqa: ARG001
    """Let many one-off schedules come due one after another on an idle embedded engine."""
    if importlib.util.find_spec("pipelines.engine.scheduler") is None:
        print("schedules are not there yet", file=sys.stderr)
        return {}
    return {}
