"""`schedule`: ask a question again and again, with each answer in the channel where it was ordered."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

from bots.answer import find_run
from bots.command import Argument, Asked, Command, Reply
from bots.commands._asking import question_of
from bots.commands._standing import standing_request, when
from bots.form import Field, Form
from bots.inbound import Inbound
from bots.render.document import Button, ButtonStyle, Document
from bots.render.escape import cell, literal
from tieout.errors import Conflict, InvalidInput
from tieout.model import Principal, RunRequest, Schedule, ScheduleSpec
from tieout.ports import Desk
from tieout.recurrence import parse_rule

_VERBS = ("pause", "resume", "remove", "run")
_REPEAT = "repeat"  # the verb of answers' buttons: the run's question, asked again and again
_HINT = "0 9 * * 1-5 Europe/London, every 6h, XNYS close + 30m"
_MOST_LISTED = 20
_LONGEST_NAME = 60
_AGENTS = ("research", "ask")


def schedule(asked: Asked) -> Reply:
    """List, pause, resume or remove schedules, or add one. Raises InvalidInput, NotFound, PermissionDenied."""
    order = asked.arguments.get("order", "").strip() or "list"
    if asked.arguments.get("verb") == _REPEAT:
        return _repeated(asked, order)
    verb, _, rest = order.partition(" ")
    if order.lower() == "list":
        return _listed(asked)
    if verb.lower() in _VERBS:
        if not rest.strip():
            raise InvalidInput(f"Name the schedule, as in `schedule {verb.lower()} NAME`; `schedule list` shows them.")
        return _changed(asked, verb.lower(), rest.strip())
    return _added(asked, order)


def _listed(asked: Asked) -> Reply:
    found = asked.desk.schedules(asked.principal)
    if not found:
        return Reply(Document("There are no schedules. Add one: `schedule XNYS close + 30m How did AAPL do today?`"))
    rows = [
        f"| {cell(one.spec.name)} | {cell(one.spec.rule)} | {one.state} | {when(one.next_at, one.spec.rule)} "
        f"| {cell(one.spec.request.question[:80])} |"
        for one in found[:_MOST_LISTED]
    ]
    more = ["", f"{len(found) - _MOST_LISTED} more."] if len(found) > _MOST_LISTED else []
    head = ["| Schedule | Rule | State | Next | Question |", "|---|---|---|---|---|"]
    return Reply(Document("\n".join([*head, *rows, *more])))


def _changed(asked: Asked, verb: str, reference: str) -> Reply:
    desk, who = asked.desk, asked.principal
    if verb == "run":
        run = desk.fire_schedule(who, reference)
        return Reply(Document(f"Run {run.id} of the schedule has begun; its answer comes where the schedule's do."))
    change: Callable[[Principal, str], Schedule] = {
        "pause": desk.pause_schedule,
        "resume": desk.resume_schedule,
        "remove": desk.remove_schedule,
    }[verb]
    changed = change(who, reference)
    name = literal(changed.spec.name)
    if verb == "remove":
        return Reply(Document(f"The schedule **{name}** is removed; the runs that it started stay."))
    return Reply(_told(changed, f"The schedule **{name}** is {changed.state}."))


def _repeated(asked: Asked, run_id: str) -> Reply:
    """Add a schedule that asks an answered question again, by the rule that was filled in."""
    run = find_run(asked.desk, asked.principal, run_id)
    return _kept(asked, asked.text("rule"), run.request.question)


def _added(asked: Asked, order: str) -> Reply:
    rule, text = split_order(order)
    return _kept(asked, rule, question_of(asked, text))


def _kept(asked: Asked, rule: str, question: str) -> Reply:
    """Add a schedule once, however often the order is carried out: its name comes from what was ordered, and where."""
    asked.desk.preview_rule(asked.principal, rule, count=1)
    spec = ScheduleSpec(_name(asked.inbound, question), rule, _request(asked, question))
    try:
        added = asked.desk.add_schedule(asked.principal, spec)
    except Conflict:
        added = asked.desk.schedule(asked.principal, spec.name)
        if added.principal != asked.principal.id or added.spec.request.params != spec.request.params:
            raise
    return Reply(_told(added, f"Scheduled as **{literal(added.spec.name)}**: {literal(question)}"))


def split_order(order: str) -> tuple[str, str]:
    """Return the rule with which an order begins, the longest that is one, and the question after it.

    Raises InvalidInput saying how rules are written.
    """
    words = order.split()
    for count in range(len(words), 0, -1):
        rule = " ".join(words[:count])
        try:
            parse_rule(rule)
        except InvalidInput:
            continue
        if count == len(words):
            raise InvalidInput(f"Add the question after the rule, as in `schedule {rule} How did AAPL do?`.")
        return rule, " ".join(words[count:])
    parse_rule(" ".join(words[:8]))  # says what is wrong with it
    raise AssertionError("unreachable")


def _name(inbound: Inbound, question: str) -> str:
    """Return a name that people can read and that only this order gives."""
    words = re.sub(r"[^\w ]+", "", question).strip()[:_LONGEST_NAME].strip() or "question"
    return f"{words} {hashlib.sha256(inbound.key.encode()).hexdigest()[:6]}"


def _request(asked: Asked, question: str) -> RunRequest:
    """Return a request that answers where the schedule was ordered, as if the question were asked there each time."""
    allowed = asked.settings.agents
    agent = next((one for one in _AGENTS if not allowed or one in allowed), _AGENTS[0])
    return standing_request(asked, question, agent, {"question": question})


def _told(one: Schedule, first: str) -> Document:
    lines = [first, "", f"Rule: {literal(one.spec.rule)}", "", f"Next: {when(one.next_at, one.spec.rule)}"]
    other = Button("Resume", f"schedule:resume {one.id}") if one.next_at is None else None
    change = other or Button("Pause", f"schedule:pause {one.id}")
    return Document("\n".join(lines), (change, Button("Remove", f"schedule:remove {one.id}", ButtonStyle.DANGER)))


def _suggest(desk: Desk, principal: Principal, typed: str) -> Sequence[str]:
    """Return orders about the schedules there are."""
    names = [one.spec.name for one in desk.schedules(principal)]
    orders = ["list", *(f"{verb} {name}" for verb in _VERBS for name in names)]
    return [order[:100] for order in orders if order.casefold().startswith(typed.strip().casefold())][:25]


COMMAND = Command(
    "schedule",
    "Ask a question again and again; list, pause, resume, run or remove what is asked so.",
    schedule,
    (
        Argument(
            "order",
            "a rule and a question (XNYS close + 30m How did AAPL do?), list, or pause|resume|run|remove NAME",
            required=False,
            rest=True,
            suggest=_suggest,
        ),
    ),
    verbs=("schedule", _REPEAT),
    forms={_REPEAT: Form("Ask this again", (Field("rule", "When", value="XNYS close + 30m", hint=_HINT),))},
)
