"""Settles which days the run of an alert looks at: those since the run before it, so that each is looked at once.

Where an alert stands follows from two things, neither of which can be lost or be ahead of the other:

- *Whether its condition was true* is computed from the prices each time (`pipelines/agents/alert.py`), kept nowhere.
- *How far was looked* is the last day that the newest earlier run of the alert was given. It stands in that run's own
  step, committed with the decision to look; before the first run it is the last day there was when the alert was made.

So a run that is killed, replayed or tried again is given the same days and finds the same; one that stands for times
that were missed looks at all days since; prices that come late are looked at when they come, and without newer ones
there is no day to look at: neither a holiday nor a second run of one day can say a thing twice. Had the last result
("it was true") been kept instead, a run lost between looking and keeping, or a corrected price, would leave it wrong
for good. Where two runs of one alert meet, as after an outage of the workers, the one of the newest fire looks at
everything and the others say nothing. What was planned during a pause is not made up for, as with any schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from bots.command import Asked
from pipelines.agents.alert import Watch
from pipelines.tools.price_condition import PriceCondition
from pipelines.tools.price_watch import series_of
from tieout import codec
from tieout.errors import NotFound
from tieout.model import Fire, FireState, Schedule
from tieout.recurrence import day_of, due, next_after, parse_rule

_KEY = "schedule"  # what the idempotency key of a fire's run begins with
_MOST_FIRES = 50  # that are looked through for the last run


def scheduled_by(asked: Asked) -> str | None:
    """Return the id of the schedule whose fire carries the call out; None where a person gave it."""
    kind, _, rest = ((asked.run and asked.run.request.idempotency_key) or "").partition(":")
    return rest.partition(":")[0] if kind == _KEY else None


def watch_now(asked: Asked, schedule: Schedule, condition: PriceCondition) -> Watch | None:
    """Return what the run of this fire looks at; None where a newer fire does so.

    Raises NotFound or InvalidInput when the prices are gone.
    """
    assert asked.run is not None
    fires = asked.desk.fires(asked.principal, schedule.id, limit=_MOST_FIRES)  # the newest first
    keys = [fire.request.idempotency_key for fire in fires]
    key = asked.run.request.idempotency_key
    mine = keys.index(key) if key in keys else len(keys)
    if mine == len(keys) or any(fire.state in (FireState.BEGUN, FireState.STARTED) for fire in fires[:mine]):
        return None
    since = _since(asked, schedule, fires[mine:])
    as_of = asked.run.request.as_of
    series = series_of(asked.desk.series(asked.principal, condition.ticker), condition, as_of)
    known = asked.desk.bars(asked.principal, series.key, as_of=as_of)["day"].to_pylist()
    return Watch(str(condition), since, max([since, *known[-1:]]), series.key)


def _since(asked: Asked, schedule: Schedule, fires: Sequence[Fire]) -> date:
    """Return the last day that needs no look any more; `fires` are this one and those before it."""
    looked = date.fromisoformat(schedule.spec.request.params["since"])
    before, covered = schedule.created_at, [fires[0]]
    for fire in fires[1:]:
        if (through := _through(asked, fire)) is not None:
            looked, before = through, fire.planned_at
            break
        covered.append(fire)
    # More times were planned since then than these fires stand for: those between passed in a pause.
    count = sum(1 + fire.missed for fire in covered if not fire.manual)
    rule = parse_rule(schedule.spec.rule)
    first = next_after(rule, before)
    times = due(rule, first, fires[0].planned_at, keep=count + 1).newest if first else ()
    return max(looked, day_of(rule, times[0])) if len(times) > count else looked


def _through(asked: Asked, fire: Fire) -> date | None:
    """Return how far the run of a fire was to look; None when that was not decided."""
    if fire.run_id is None:
        return None
    try:
        steps = asked.desk.steps(asked.principal, fire.run_id)
    except NotFound:  # removed since
        return None
    decided = next((step.output for step in steps if step.key == "decide" and step.output), {})
    watch = decided.get("start", {}).get("request", {}).get("params", {}).get("watch")
    return codec.load(Watch, watch).through if watch else None
