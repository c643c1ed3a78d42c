"""The alert agent: looks whether a condition on prices became true, and has nothing to say while it did not.

What it says follows from its request and the lake alone. A request has the days to look at, `since` (not included) to
`through`, which whoever starts the run has settled (`bots/commands/_evaluation.py` says how); a condition became true
on each of these days on which it is true and was not on the trading day before. Whether it was true is never kept
anywhere, but computed from the prices again: a step that is done twice, a run that is tried again after a crash, and
one run that stands for a week of missed ones all find what a run on each day would have found, and a price that was
corrected since is seen as it is. What is kept is only how far was looked, and that with the run which looked.

Without `since` it says how the condition stands on the last day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines.ledger.match_book import SourceBook
from pipelines.ledger.tie_out import tie_out
from pipelines.render.result import research_object
from pipelines.tools.market_history import History, read_history, words
from pipelines.tools.price_condition import Average, Measure, PriceCondition, parse_condition
from pipelines.tools.price_watch import Reading, became_true, convention, levels_queries, read_days, series_of
from tieout import codec
from tieout.errors import InvalidInput
from tieout.model import Claim, Draft, Fact, Plan, Report, RunRequest, RunState, Series, SeriesKey, StepSpec
from tieout.ports import Agent, StepContext, StepOutcome

_VERSION = "1"
SAY_NOTHING = "say nothing"  # the `outcome` in the result of a run that has nothing to tell anybody
_MOST_DAYS = 5  # that are named beside the one that is told


@dataclass(frozen=True)
class Watch:
    """What a request asks: `condition` in its text form, the days to look at, and the series to look at them on.

    `since` is the last day that was looked at before; None asks how it stands. `series` None takes the best one.
    """

    condition: str
    since: date | None = None
    through: date | None = None  # default: the last day
    series: SeriesKey | None = None


@dataclass(frozen=True)
class _Case:
    """A condition and the prices that it is evaluated on."""

    condition: PriceCondition
    series: Series
    history: History


def watch_of(request: RunRequest) -> Watch:
    """Return what a request asks; one without it in its params has the condition as its question."""
    given = request.params.get("watch")
    return codec.load(Watch, given) if given is not None else Watch(request.question)


def plan(request: RunRequest) -> Plan:
    """Return the one step. Raises InvalidInput for a condition that is none."""
    parse_condition(watch_of(request).condition)
    return Plan("alert", _VERSION, (StepSpec("evaluate", "evaluate"),))


def evaluate(context: StepContext) -> StepOutcome:
    """Evaluate the condition on the days asked for, and tell of the last on which it became true.

    Raises InvalidInput when its prices do not suffice, NotFound when they are gone.
    """
    watch = watch_of(context.run.request)
    case = _case(context, watch)
    last = case.history.on_or_before(watch.through or case.history.days[-1])
    if watch.since is None:
        return _told(context, case, *_standing(context, case, last))
    days = [day for day in case.history.days if watch.since < day <= last]
    if not days:
        return _nothing(case, f"there are no newer prices than those of {words(watch.since)}")
    earlier = [day for day in case.history.days if day <= watch.since][-1:]
    readings = read_days(context.parts.lake, context.principal, case.condition, case.history, [*earlier, *days])
    if last not in readings:
        raise InvalidInput(f"`{case.condition}` needs more prices of {case.condition.ticker} than there are.")
    became = became_true(readings, [*earlier, *days])
    context.emit("condition_evaluated", days=len(days), through=last.isoformat(), became_true=len(became))
    if not became:
        return _nothing(case, f"it did not become true from {words(days[0])} to {words(last)}")
    return _told(context, case, *_fired(context, case, readings, became, last))


def _case(context: StepContext, watch: Watch) -> _Case:
    condition = parse_condition(watch.condition)
    held = context.parts.lake.series(context.principal, condition.ticker)
    named = [one for one in held if one.key == watch.series]
    as_of = context.run.request.as_of
    series = named[0] if named else series_of(held, condition, as_of)
    return _Case(condition, series, read_history(context.parts.lake, context.principal, series, as_of))


# ------------------------------------------------------------ what is said


def _fired(
    context: StepContext, case: _Case, readings: Mapping[date, Reading], became: Sequence[date], last: date
) -> tuple[list[Claim], list[Fact], list[str]]:
    """Say on which day it became true, with the values of that day and of the one before."""
    day = became[-1]
    before = case.history.days[case.history.days.index(day) - 1]
    quote, notes = _quote(case, f"became true on {words(day)}"), []
    claim, facts = _values(context, case, readings, day, before)
    claims = [quote, claim]
    if last > day:
        still = "is still true" if readings[last].true else "is no longer true"
        later, of_later = _values(context, case, readings, last)
        claims += [_quote(case, f"{still} on {words(last)}"), later]
        facts += of_later
    if became[:-1]:
        more = "earlier days and on " if len(became) > _MOST_DAYS + 1 else ""
        notes.append(f"Since it was looked at last, it also became true on {more}{_listed(became[:-1][-_MOST_DAYS:])}.")
    return claims, facts, notes


def _standing(context: StepContext, case: _Case, last: date) -> tuple[list[Claim], list[Fact], list[str]]:
    """Say whether it is true on the last day."""
    days = [day for day in case.history.days if day <= last][-2:]
    readings = read_days(context.parts.lake, context.principal, case.condition, case.history, days)
    if last not in readings:
        raise InvalidInput(f"`{case.condition}` needs more prices of {case.condition.ticker} than there are.")
    quote = _quote(case, f"is {'true' if readings[last].true else 'not true'} on {words(last)}")
    before = days[0] if days[0] in readings and days[0] != last else None
    claim, facts = _values(context, case, readings, last, before)
    return [quote, claim], facts, []


def _quote(case: _Case, what: str) -> Claim:
    """Return a sentence that quotes the order: its level is the person's own number, and comes from no source."""
    return Claim("answer", f"“{case.condition}” {what}.", instrument=case.condition.ticker, kind="quote")


def _values(
    context: StepContext, case: _Case, readings: Mapping[date, Reading], day: date, before: date | None = None
) -> tuple[Claim, list[Fact]]:
    """Return a sentence with the values of a day and of the one before, and its facts."""
    facts: list[Fact] = []
    parts = []
    for one in filter(None, (day, before)):
        levels = context.parts.lake.compute(
            context.principal, levels_queries(case.condition, case.history, one)
        )  # the close and its average; else the value that decides says it all
        used = levels or [readings[one].deciding]
        facts += used
        said = " with its average at ".join(f"{{fact:{fact.id}}}" for fact in used)
        parts.append(f"{said}{' from its average' if _apart(case) else ''} on {words(one)}")
    text = f"{case.condition.ticker} {_verb(case)} {', after '.join(parts)}."
    return Claim("answer", text, tuple(fact.id for fact in facts), instrument=case.condition.ticker), facts


def _verb(case: _Case) -> str:
    if _apart(case):
        return "closed"
    return {
        Measure.CLOSE: "closed at",
        Measure.CHANGE: "changed from close to close by",
        Measure.RSI: "had an RSI of",
    }[case.condition.measure]


def _apart(case: _Case) -> bool:
    """Whether the close is told as a share of its average: closes that embed dividends give no levels."""
    return isinstance(case.condition.level, Average) and case.history.pays


def _told(
    context: StepContext, case: _Case, claims: Sequence[Claim], facts: Sequence[Fact], notes: Sequence[str]
) -> StepOutcome:
    """Tie the sentences out and return them as any answer is kept."""
    methods = {fact.measure: f"{fact.name}: {fact.method}." for fact in reversed(facts)}  # the first of each
    said = (*notes, f"{convention(case.condition, case.series)}.", *methods.values())
    draft = Draft(str(case.condition), tuple(claims), (), said)
    settled, ledger = tie_out(draft, list({fact.id: fact for fact in facts}.values()), SourceBook((), {}, {}))
    report = Report(context.run.id, str(case.condition), case.history.as_of, settled, ledger)
    whole = research_object(context.run, report, {})
    result = {key: whole[key] for key in ("as_of", "answer", "claims", "ledger", "notes")}
    open_ = result["ledger"]["open"] + result["ledger"]["contradicted"]
    return StepOutcome(result, RunState.NEEDS_REVIEW if open_ else None, result)


def _nothing(case: _Case, why: str) -> StepOutcome:
    """Return the outcome of a run that nobody needs to hear of; its answer is for who looks at the run."""
    result: dict[str, Any] = {
        "outcome": SAY_NOTHING,
        "as_of": case.history.as_of.isoformat(),
        "answer": f"Nothing to say about “{case.condition}”: {why}.",
        "claims": [],
        "ledger": {"numbers": 0, "tied": 0, "open": 0, "contradicted": 0},
        "notes": [f"{convention(case.condition, case.series)}."],
    }
    return StepOutcome(result, None, result)


def _listed(days: Sequence[date]) -> str:
    return " and ".join(filter(None, (", ".join(map(words, days[:-1])), words(days[-1]))))


AGENT = Agent(
    "alert", _VERSION, "Says when a condition on a price or an indicator became true.", plan, {"evaluate": evaluate}
)
