"""`alert`: say once, in the channel where it was ordered, when a price or an indicator comes to meet a condition."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from bots.command import Argument, Asked, Command, Reply, StartRun
from bots.commands._asking import company, ticker_of
from bots.commands._evaluation import scheduled_by, watch_now
from bots.commands._standing import standing_request, when
from bots.inbound import Inbound, Place
from bots.render.document import Button, ButtonStyle, Document
from bots.render.escape import cell, literal
from pipelines.agents.alert import Watch
from pipelines.tools.market_history import words
from pipelines.tools.price_condition import PriceCondition, parse_condition
from pipelines.tools.price_watch import check_bars, convention, is_stale, rules_after_close, series_of
from tieout import codec
from tieout.errors import Conflict, InvalidInput, NeedsAnswer, NotAvailable, NotFound, PermissionDenied
from tieout.model import Principal, RunRequest, Schedule, ScheduleSpec, Series
from tieout.ports import Desk

_AGENT = "alert"
_VERBS = ("pause", "resume", "remove", "check")
_SMALL_TALK = re.compile(r"(?:me\s+)?(?:when|if|once)\s+", re.I)
_MOST_LISTED = 20


def alert(asked: Asked) -> Reply | StartRun:
    """List, pause, resume, remove or check alerts, or add one.

    Raises InvalidInput, UnknownInstrument, NeedsAnswer, NotFound, PermissionDenied.
    """
    order = asked.arguments.get("order", "").strip() or "list"
    verb, _, rest = order.partition(" ")
    verb, rest = verb.lower(), rest.strip()
    if order.lower() == "list":
        return _listed(asked)
    if verb not in _VERBS:
        return _added(asked, order)
    if not rest:
        raise InvalidInput(f"Name the alert, as in `alert {verb} NAME`; `alert list` shows them.")
    if verb != "check":
        return _changed(asked, verb, rest)
    schedule_id = scheduled_by(asked)
    return _checked(asked, rest) if schedule_id is None else _evaluated(asked, schedule_id, rest)


# ------------------------------------------------------------ adding


def _added(asked: Asked, order: str) -> Reply:
    """Keep an alert once: its name comes from its condition and its channel."""
    condition = _condition(asked, order)
    _check_agent(asked)
    series = series_of(asked.desk.series(asked.principal, condition.ticker), condition)
    check_bars(series, condition)
    order = f"check {condition}"
    request = standing_request(asked, str(condition), COMMAND.name, {"order": order}, since=series.last.isoformat())
    spec = ScheduleSpec(_name(asked.inbound.place, condition), _rule(asked, series), request)
    try:
        added, first = asked.desk.add_schedule(asked.principal, spec), "Alert kept"
    except Conflict:
        added, first = asked.desk.schedule(asked.principal, spec.name), "This alert is here already"
    return Reply(_told(added, condition, series, first, _age(asked, series)))


def _condition(asked: Asked, text: str) -> PriceCondition:
    """Return the condition that a text means, with the ticker of the company that it names."""
    condition = parse_condition(_SMALL_TALK.sub("", text, count=1) if _SMALL_TALK.match(text) else text)
    return replace(condition, ticker=ticker_of(company(asked, condition.ticker)).upper())


def _check_agent(asked: Asked) -> None:
    """Raise PermissionDenied where the channel's settings leave alerts out: better now than at each close."""
    if asked.settings.agents and _AGENT not in asked.settings.agents:
        allowed = ", ".join(asked.settings.agents)
        raise PermissionDenied(
            f"Alerts are not allowed in this channel, only the agents {allowed}; `settings agents all` allows them."
        )


def _rule(asked: Asked, series: Series) -> str:
    """Return the first rule that this installation can follow: a market's calendar may not be installed."""
    best, *others = rules_after_close(series)
    for rule in (best, *others):
        try:
            asked.desk.preview_rule(asked.principal, rule, count=1)
        except NotAvailable:
            continue
        return rule
    raise NotAvailable(f"When to look at {series.key.ticker} cannot be told: its prices are of {series.time_zone!r}.")


def _name(place: Place, condition: PriceCondition) -> str:
    """Return a name that people can read, one for each condition in a channel."""
    where = f"{place.platform}/{place.team}/{place.channel}"
    return f"alert {condition} {hashlib.sha256(where.encode()).hexdigest()[:6]}"


def _told(one: Schedule, condition: PriceCondition, series: Series, first: str, age: str) -> Document:
    lines = [
        f"{first}: **{literal(str(condition))}**. I say so here on each day on which it becomes true: it is, and was "
        "not on the trading day before. While it stays true I say nothing.",
        "",
        f"What is looked at: {literal(convention(condition, series))}.",
        "",
        f"Looked at: {literal(one.spec.rule)}, next {when(one.next_at, one.spec.rule)}.{age}",
    ]
    return Document("\n".join(lines), (Button("Check now", f"alert:check {one.id}"), *_buttons(one)))


def _age(asked: Asked, series: Series) -> str:
    """Say when the prices end too early for anything to be said until there are newer ones."""
    if not is_stale(series, asked.inbound.at.date()):
        return ""
    return (
        f"\n\n⚠ The last of these prices is of {literal(words(series.last))}: nothing is said before there are newer "
        "ones. Import them with `tieout market import FILE`."
    )


def _buttons(one: Schedule) -> tuple[Button, ...]:
    change = ("Resume", "resume") if one.next_at is None else ("Pause", "pause")
    remove = Button("Remove alert", f"alert:remove {one.id}", ButtonStyle.DANGER)
    return Button(change[0], f"alert:{change[1]} {one.id}"), remove


# ------------------------------------------------------------ looking


def _checked(asked: Asked, reference: str) -> StartRun:
    """Start a run that says how an alert's condition stands, or any other."""
    try:
        condition = _find(asked, reference).spec.request.question
    except NotFound:
        condition = str(_condition(asked, reference))
    return StartRun(_look(asked, Watch(condition)), told="Looking")


def _evaluated(asked: Asked, schedule_id: str, text: str) -> StartRun | Reply:
    """Start the run that an alert's schedule is for; it says something only when the condition became true."""
    condition = parse_condition(text)
    try:
        schedule = asked.desk.schedule(asked.principal, schedule_id)
    except NotFound:
        return Reply(Document("The alert was removed meanwhile."), silent=True)
    watch = watch_now(asked, schedule, condition)
    if watch is None:
        return Reply(Document("A newer run of the alert looks at everything."), silent=True)
    assert asked.run is not None  # it has told the schedule
    return StartRun(_look(asked, watch, asked.run.request.as_of), quiet=True, buttons=_buttons(schedule))


def _look(asked: Asked, watch: Watch, as_of: date | None = None) -> RunRequest:
    return RunRequest(
        watch.condition,
        agent=_AGENT,
        tickers=(parse_condition(watch.condition).ticker,),
        as_of=as_of,
        params={"watch": codec.dump(watch)},
        door=asked.inbound.place.platform,
    )


# ------------------------------------------------------------ those there are


def _listed(asked: Asked) -> Reply:
    found = _alerts(asked)
    if not found:
        where = "You have no alerts" if asked.inbound.place.direct else "There are no alerts in this channel"
        return Reply(Document(f"{where}. Add one: `alert AAPL above 200`, or `alert AAPL crosses above sma(200)`."))
    rows = [
        f"| {cell(one.spec.request.question)} | {one.state} | {when(one.next_at, one.spec.rule)} "
        f"| {cell(one.spec.name)} |"
        for one in found[:_MOST_LISTED]
    ]
    more = ["", f"{len(found) - _MOST_LISTED} more."] if len(found) > _MOST_LISTED else []
    return Reply(Document("\n".join(["| Alert | State | Next look | Name |", "|---|---|---|---|", *rows, *more])))


def _changed(asked: Asked, verb: str, reference: str) -> Reply:
    """Pause, resume or remove an alert: who may do so with a schedule may with an alert."""
    change: Callable[[Principal, str], Schedule] = {
        "pause": asked.desk.pause_schedule,
        "resume": asked.desk.resume_schedule,
        "remove": asked.desk.remove_schedule,
    }[verb]
    changed = change(asked.principal, _find(asked, reference).id)
    name = literal(changed.spec.request.question)
    if verb == "remove":
        return Reply(Document(f"The alert **{name}** is removed."))
    rule = changed.spec.rule
    after = f", next look {when(changed.next_at, rule)}" if changed.next_at else "; nothing is looked at meanwhile"
    return Reply(Document(f"The alert **{name}** is {changed.state}{after}.", _buttons(changed)))


def _find(asked: Asked, reference: str) -> Schedule:
    """Return an alert of this place by name, id, or condition. Raises NotFound."""
    named = reference.casefold()
    try:
        condition = str(_condition(asked, reference))
    except (InvalidInput, NeedsAnswer):
        condition = ""
    for one in _alerts(asked):
        if named in (one.id.casefold(), one.spec.name.casefold()) or one.spec.request.question == condition:
            return one
    raise NotFound(f"There is no alert {reference[:80]!r} here; `alert list` shows those there are.")


def _alerts(asked: Asked) -> list[Schedule]:
    """Return the alerts of the channel; in a direct message all of the person's."""
    here = asked.inbound.place
    found = []
    for one in asked.desk.schedules(asked.principal):
        place = _place(one)
        if place is None:
            continue
        same = (place.platform, place.team, place.channel) == (here.platform, here.team, here.channel)
        if same or (here.direct and one.principal == asked.principal.id):
            found.append(one)
    return found


def _place(one: Schedule) -> Place | None:
    """Return where an alert belongs; None for another kind of schedule."""
    request = one.spec.request
    if request.agent != "chat" or request.params.get("inbound", {}).get("command") != COMMAND.name:
        return None
    return codec.load(Inbound, request.params["inbound"]).place


def _suggest(desk: Desk, principal: Principal, typed: str) -> Sequence[str]:
    """Return orders about the alerts there are."""
    names = [one.spec.name for one in desk.schedules(principal) if _place(one) and one.principal == principal.id]
    orders = ["list", *(f"{verb} {name}"[:100] for verb in _VERBS for name in names)]
    return [order for order in orders if order.casefold().startswith(typed.strip().casefold())][:25]


COMMAND = Command(
    "alert",
    "Say when a price or an indicator meets a condition; list, check, pause or remove alerts.",
    alert,
    (
        Argument(
            "order",
            "a condition (AAPL above 200), list, or check|pause|resume|remove NAME",
            required=False,
            rest=True,
            suggest=_suggest,
        ),
    ),
    verbs=("alert",),
)
