"""`schedules`: questions that are asked again by themselves, and what came of each time."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.commands import terminal
from tieout.commands.research import AsOf, Question, Tickers, finish
from tieout.commands.shell import Json
from tieout.commands.shell import desk as open_desk

if TYPE_CHECKING:
    from tieout.model import Fire, Schedule
    from tieout.ports import Desk

app = typer.Typer(no_args_is_help=True, help="Ask questions at set times: add, list, show, pause, fire schedules.")

Name = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's name, its id, or the beginning of it.")]
RuleText = Annotated[
    str,
    typer.Argument(
        metavar="RULE",
        help="'cron: 0 7 * * 1-5 Europe/Zurich', 'every 15m', 'at 2030-12-01T09:00 UTC' or 'XNYS close + 30m'.",
    ),
]


@app.command("add")
def add_schedule(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it; unique in the workspace.")],
    rule: RuleText,
    question: Question,
    agent: Annotated[str, typer.Option("--agent", help="Who answers.")] = "research",
    ticker: Tickers = None,
    as_of: AsOf = None,
    misfire: Annotated[str, typer.Option(help="For times missed while nothing ran: skip, once or all.")] = "once",
    grace: Annotated[float, typer.Option(help="Seconds after which a time counts as missed.")] = 60.0,
    catch_up: Annotated[int, typer.Option(help="How many missed times `all` makes up for, the newest.")] = 100,
    overlap: Annotated[str, typer.Option(help="While the last run is not over: allow or skip.")] = "allow",
    token_budget: Annotated[int | None, typer.Option(min=0, help="Tokens that each run may use.")] = None,
    money_budget: Annotated[float | None, typer.Option(min=0, help="Money that each run may use.")] = None,
    as_json: Json = False,
) -> None:
    """Add a schedule: it asks the question at the rule's times, as you."""
    from tieout import codec
    from tieout.model import RunRequest, ScheduleSpec

    money = None if money_budget is None else Decimal(str(money_budget))
    day = as_of.date() if as_of else None
    request = RunRequest(
        question,
        agent=agent,
        tickers=tuple(ticker or ()),
        as_of=day,
        door="schedule",
        token_budget=token_budget,
        money_budget=money,
    )
    spec = ScheduleSpec(name, rule, request, _misfire(misfire), grace, catch_up, _overlap(overlap))
    with open_desk() as (desk, who):
        schedule = desk.add_schedule(who, spec)
        served = _served(desk)
    if as_json:
        terminal.show_json({"schedule": codec.dump(schedule)})
        return
    terminal.show(f"{schedule.spec.name}: {schedule.spec.rule}")
    terminal.show(f"Next: {_when(schedule.next_at, schedule.spec.rule)}")
    if not served:
        terminal.say("It fires while `tieout up` or `tieout worker` runs.")


@app.command("list")
def list_schedules(
    state: Annotated[list[str] | None, typer.Option("--state", help="Only in this state; repeat it.")] = None,
    as_json: Json = False,
) -> None:
    """List schedules by name."""
    from tieout import codec
    from tieout.errors import InvalidInput
    from tieout.model import Schedule, ScheduleState

    unknown = set(state or ()) - set(ScheduleState)
    if unknown:
        known = ", ".join(ScheduleState)
        raise InvalidInput(f"There is no state {', '.join(sorted(unknown))}; the states are {known}.")
    with open_desk() as (desk, who):
        found = desk.schedules(who, states=[ScheduleState(one) for one in state or ()])
    if as_json:
        terminal.show_json({"schedules": codec.dump(found, list[Schedule])})
        return
    if not found:
        terminal.say('No schedules yet. `tieout schedules add NAME RULE "QUESTION"` adds one.')
        return
    rows = [
        (
            one.spec.name,
            one.state,
            one.spec.rule,
            _local(one.next_at),
            _last(one.last_fire),
            one.spec.request.question[:60],
        )
        for one in found
    ]
    terminal.show_table(("Schedule", "State", "Rule", "Next", "Last", "Question"), rows)


@app.command("show")
def show_schedule(
    name: Name,
    limit: Annotated[int, typer.Option("-n", "--limit", help="How many fires, newest first.")] = 10,
    as_json: Json = False,
) -> None:
    """Show a schedule and what came of its last times."""
    from tieout import codec
    from tieout.model import Fire

    with open_desk() as (desk, who):
        schedule = desk.schedule(who, name)
        fires = desk.fires(who, schedule.id, limit=limit)
    if as_json:
        terminal.show_json({"schedule": codec.dump(schedule), "fires": codec.dump(fires, list[Fire])})
        return
    _show(schedule)
    if fires:
        rows = [
            (_when(fire.planned_at, schedule.spec.rule), fire.state, fire.run_id or "", _note(fire)) for fire in fires
        ]
        terminal.show_table(("Planned", "Fire", "Run", "Note"), rows)


@app.command("pause")
def pause_schedule(name: Name, as_json: Json = False) -> None:
    """Plan nothing more until it is resumed."""
    with open_desk() as (desk, who):
        schedule = desk.pause_schedule(who, name)
    _told(schedule, f"{schedule.spec.name} is {schedule.state}.", as_json=as_json)


@app.command("resume")
def resume_schedule(name: Name, as_json: Json = False) -> None:
    """Plan again from now on; what was planned during the pause is not made up for."""
    with open_desk() as (desk, who):
        schedule = desk.resume_schedule(who, name)
    _told(schedule, f"Next: {_when(schedule.next_at, schedule.spec.rule)}", as_json=as_json)


@app.command("remove")
def remove_schedule(name: Name, as_json: Json = False) -> None:
    """Remove a schedule; the runs that it started stay."""
    with open_desk() as (desk, who):
        schedule = desk.remove_schedule(who, name)
    _told(schedule, f"Removed {schedule.spec.name}.", as_json=as_json)


@app.command("fire")
def fire_schedule(name: Name, as_json: Json = False) -> None:
    """Ask the schedule's question now, beside its plan, and print the result."""
    with open_desk(work=True) as (desk, who):
        run = desk.fire_schedule(who, name)
        code = finish(desk, who, run, as_json=as_json)
    raise typer.Exit(code)


@app.command("preview")
def preview_rule(
    rule: RuleText,
    count: Annotated[int, typer.Option("-n", "--count", help="How many times.")] = 5,
    as_json: Json = False,
) -> None:
    """Show the next times of a rule without adding a schedule."""
    from tieout import codec

    with open_desk() as (desk, who):
        times = desk.preview_rule(who, rule, count=count)
    if as_json:
        terminal.show_json({"rule": rule, "times": codec.dump(times, list[datetime])})
        return
    for at in times:
        terminal.show(_when(at, rule))


# ---------------------------------------------------------------- in words


def _misfire(text: str) -> Any:
    from tieout.errors import InvalidInput
    from tieout.model import Misfire

    if text not in set(Misfire):
        raise InvalidInput(f"There is no misfire policy {text!r}; the policies are {', '.join(Misfire)}.")
    return Misfire(text)


def _overlap(text: str) -> Any:
    from tieout.errors import InvalidInput
    from tieout.model import Overlap

    if text not in set(Overlap):
        raise InvalidInput(f"There is no overlap policy {text!r}; the policies are {', '.join(Overlap)}.")
    return Overlap(text)


def _served(desk: Desk) -> bool:
    return getattr(desk, "url", None) is not None


def _told(schedule: Schedule, text: str, *, as_json: bool) -> None:
    from tieout import codec

    if as_json:
        terminal.show_json({"schedule": codec.dump(schedule)})
    else:
        terminal.show(text)


def _show(schedule: Schedule) -> None:
    spec = schedule.spec
    terminal.show(f"{spec.name}  {schedule.state}  {schedule.id}  by {schedule.principal}")
    terminal.show(f"Rule: {spec.rule}")
    terminal.paragraphs(spec.request.question)
    terminal.show(f"Missed times: {spec.misfire} (after {spec.grace_s:g} s); overlapping runs: {spec.overlap}")
    if schedule.next_at is not None:
        terminal.show(f"Next: {_when(schedule.next_at, spec.rule)}")
    if schedule.reason:
        terminal.show(f"Reason: {terminal.line(schedule.reason)}")


def _when(at: datetime | None, rule: str) -> str:
    """Return a time as the clocks of the rule's time zone show it."""
    from zoneinfo import ZoneInfo

    from tieout.errors import TieoutError
    from tieout.recurrence import parse_rule, zone_of

    if at is None:
        return "never"
    try:
        return f"{at.astimezone(ZoneInfo(zone_of(parse_rule(rule), at))):%a %Y-%m-%d %H:%M:%S %Z}"
    except TieoutError:  # its calendar is not installed here
        return f"{at:%a %Y-%m-%d %H:%M:%S %Z}"


def _local(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M}"


def _last(fire: Fire | None) -> str:
    return "" if fire is None else f"{_local(fire.planned_at)} {fire.state}"


def _note(fire: Fire) -> str:
    notes = ["by hand"] if fire.manual else []
    if fire.missed:
        notes.append(f"for {fire.missed} missed before it, too" if fire.run_id else f"and {fire.missed} before it")
    if fire.reason:
        notes.append(fire.reason)
    return "; ".join(notes)
