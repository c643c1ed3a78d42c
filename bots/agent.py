"""The chat agent: one run per thing that a person did, whose messages are effects, each sent once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bots.answer import answer_of, answered_below
from bots.audience import alone, audience_of_run, left_out
from bots.command import Asked, Command, Reply, StartRun, checked, discover
from bots.inbound import Attachment, Inbound, InboundKind, Place
from bots.permission import acting, check, known, role_of
from bots.post import place_of_answer, post
from bots.render.document import Button, ButtonStyle, Document
from bots.render.escape import literal
from bots.words import read_text
from pipelines.agents.alert import SAY_NOTHING
from tieout import codec
from tieout.errors import (
    EffectDropped,
    PermissionDenied,
    ProviderError,
    ProviderRefused,
    StaleFence,
    StepCancelled,
    TieoutError,
)
from tieout.insistence import passes
from tieout.model import ChannelSettings, Message, Plan, RunRequest, StepSpec, Wait, WaitKind
from tieout.model import Document as SourceDocument
from tieout.ports import Agent, Desk, StepContext, StepOutcome
from tieout.ports.conversations import ConversationStore

_VERSION = "2"
_CHILD = "run"
MOST_BYTES = 50_000_000  # of a file that is read
_NOT_FOR_THE_CHAT = (StaleFence, StepCancelled, EffectDropped, ProviderError)


def plan(request: RunRequest) -> Plan:  # noqa: ARG001
    """Return two steps: what is answered is decided once, and then said, however often the saying is interrupted."""
    decide_it = StepSpec("decide", "decide", max_attempts=8, timeout_s=300.0)
    return Plan("chat", _VERSION, (decide_it, StepSpec("say", "say", ("decide",), max_attempts=8, timeout_s=300.0)))


def decide(context: StepContext) -> StepOutcome:
    """Decide what a person is answered, or which run is to find it out."""
    inbound = _placed(context)
    try:
        asked, command = _read(context, inbound)
        outcome = command.handler(asked)
        if isinstance(outcome, StartRun):
            _check_agent(outcome, asked.settings)
    except _NOT_FOR_THE_CHAT:
        raise
    except TieoutError as error:
        if passes(error):
            raise
        outcome = Reply(Document(literal(error.message)), private=isinstance(error, PermissionDenied))
    return StepOutcome({"start" if isinstance(outcome, StartRun) else "reply": codec.dump(outcome)})


def say(context: StepContext) -> StepOutcome:
    """Say what was decided: at once, or when the run that it needs has ended."""
    inbound = _placed(context)
    decided = context.inputs["decide"]
    if _CHILD in context.signals:
        return _finish(context, inbound, context.signals[_CHILD]["payload"], context.step.output or {})
    if "start" in decided:
        return _start(context, inbound, codec.load(StartRun, decided["start"]))
    reply = codec.load(Reply, decided["reply"])
    if reply.silent:
        return StepOutcome({"sent": []}, result={"outcome": SAY_NOTHING, "answer": reply.document.markdown})
    if reply.settles and inbound.kind is InboundKind.CLICK:
        return StepOutcome({"sent": _settle(context, inbound, reply.document)})
    return StepOutcome({"sent": post(context, inbound, reply.document, private=reply.private)})


def _placed(context: StepContext) -> Inbound:
    """Return what a person did, answered where the channel's settings say."""
    inbound = codec.load(Inbound, context.run.request.params["inbound"])
    place, (_, conversations) = inbound.place, parts_of(context)
    settings = conversations.settings(context.principal, place.platform, place.team, place.channel)
    return replace(inbound, in_channel=settings.reply == "channel")


def _settle(context: StepContext, inbound: Inbound, document: Document) -> list[Mapping[str, Any]]:
    """Replace the message whose button was pressed; say it as a new one where that is gone."""
    pressed = {"message": inbound.message, "channel": _channel_of_button(inbound)}
    try:
        return post(context, inbound, document, key="settled", edit=pressed)
    except ProviderRefused:
        return post(context, inbound, document)


def _channel_of_button(inbound: Inbound) -> str:
    """Return the channel that a pressed button's message is in: on Discord a thread is one of its own."""
    place = inbound.place
    return place.thread or place.channel if place.platform == "discord" else place.channel


def _check_agent(start: StartRun, settings: ChannelSettings) -> None:
    if settings.agents and start.request.agent not in settings.agents:
        allowed = ", ".join(settings.agents)
        raise PermissionDenied(
            f"The agent {start.request.agent!r} is not allowed in this channel; these are: {allowed}."
        )


def _read(context: StepContext, inbound: Inbound) -> tuple[Asked, Command]:
    """Return the call that was meant. Raises InvalidInput, NotFound, PermissionDenied."""
    desk, conversations = parts_of(context)
    place = inbound.place
    settings = conversations.settings(context.principal, place.platform, place.team, place.channel)
    commands = discover()
    if inbound.kind is InboundKind.CLICK:
        verb, _, argument = inbound.action.partition(":")
        command = commands.of_button(verb)
        called = {command.arguments[0].name: argument, "verb": verb} if command.arguments else {}
        arguments = {**inbound.arguments, **called}
    elif inbound.kind is InboundKind.COMMAND:
        command = commands.get(inbound.command)
        arguments = checked(command, inbound.arguments)
    elif inbound.attachments and not inbound.text.strip():  # files without a word are to be read
        command, arguments = commands.get("ingest"), {}
    else:
        command, arguments = read_text(commands, inbound.text)
    role = role_of(known(desk, context.principal), context.principal)
    check(command, inbound, settings, role)
    history = _remember(context, inbound, conversations)
    chat = context.parts.channels.get(place.platform)
    fetch, open_to_all = _of_chat(chat, place)
    of_platform = history, fetch, open_to_all, conversations
    return Asked(
        desk, acting(context.principal, role), inbound, settings, arguments, *of_platform, context.run
    ), command


def _of_chat(chat: Any, place: Place) -> tuple[Callable[[Attachment], bytes] | None, Callable[[], bool] | None]:
    """Return what a command may ask of the platform."""
    fetch, open_to_all = getattr(chat, "fetch", None), getattr(chat, "open_to_all", None)
    return (
        (lambda attachment: bytes(fetch(attachment.url, most=MOST_BYTES))) if fetch is not None else None,
        (lambda: bool(open_to_all(place.channel))) if open_to_all is not None else None,
    )


def _remember(context: StepContext, inbound: Inbound, conversations: ConversationStore) -> Sequence[Message]:
    """Keep what was said in its thread; return what was said before."""
    place = place_of_answer(inbound)
    talk = conversations.join(
        context.principal,
        place.platform,
        place.team,
        place.channel,
        place.thread,
        private=place.direct,
        now=inbound.at,
    )
    before = [one for one in conversations.history(context.principal, talk.id) if one.message_id != inbound.message]
    if inbound.kind is InboundKind.MESSAGE and inbound.message:  # a command leaves no message
        conversations.remember(
            context.principal, talk.id, inbound.message, inbound.author, "person", inbound.text, at=inbound.at
        )
    return before


def _start(context: StepContext, inbound: Inbound, start: StartRun) -> StepOutcome:
    """Say that work has begun, unless it is quiet, and wait for the run."""
    progress: Mapping[str, Any] = {}
    if not start.quiet:
        cancel = Button("Cancel", f"cancel:{context.run.id}", ButtonStyle.DANGER)
        told = Document(f"{start.told}: {literal(start.request.question)} …", (cancel,))
        (progress, *_) = post(context, inbound, told, key="progress", direct=start.private)
        context.emit("progress_shown", **progress, told=start.told, question=start.request.question)
    desk, _ = parts_of(context)
    audience = audience_of_run(desk, alone(context.principal) if start.private else context.principal)
    wait = Wait(WaitKind.RUN, _CHILD, request=replace(start.request, audience=audience))
    return StepOutcome({"progress": progress, "private": start.private}, waits=(wait,))


def _finish(context: StepContext, inbound: Inbound, child: Mapping[str, Any], began: Mapping[str, Any]) -> StepOutcome:
    """Answer with what came of the run."""
    desk, conversations = parts_of(context)
    progress, private = began.get("progress") or {}, bool(began.get("private"))
    reader = alone(context.principal) if private else context.principal
    run = desk.run(reader, child["run_id"])
    start = codec.load(StartRun, context.inputs["decide"]["start"])
    if start.quiet and run.result.get("outcome") == SAY_NOTHING:
        return StepOutcome({"sent": [], "run": run.id}, result={"outcome": SAY_NOTHING})
    place = inbound.place
    settings = conversations.settings(context.principal, place.platform, place.team, place.channel)
    document = answer_of(desk, reader, run, verbosity=settings.verbosity)
    if start.buttons:
        document = replace(document, buttons=(*start.buttons, *(b for b in document.buttons if not _asks_again(b))))
    sent = post(context, inbound, document, direct=private)
    if progress.get("message"):
        post(context, inbound, answered_below(run), key="progress-end", edit=progress)
    if private:
        return StepOutcome({"sent": sent, "run": run.id})
    _remember_answer(context, inbound, str(run.result.get("answer") or run.error or ""), run.id, sent)
    unused = left_out(desk, context.principal, run)
    if unused and not start.quiet:
        post(context, inbound, _offered(unused, run.id), key="offer", private=True)
    return StepOutcome({"sent": sent, "run": run.id})


def _asks_again(button: Button) -> bool:
    return button.value.partition(":")[0] in ("rerun", "repeat")


def _offered(unused: Sequence[SourceDocument], run_id: str) -> Document:
    names = ", ".join(literal(one.title) for one in unused)
    said = f"I left out what is yours alone, because others read here: {names}."
    return Document(said, (Button("Answer me alone, with these", f"privately:{run_id}"),))


def _remember_answer(
    context: StepContext, inbound: Inbound, text: str, run_id: str, sent: Sequence[Mapping[str, Any]]
) -> None:
    _, conversations = parts_of(context)
    place = place_of_answer(inbound)
    who = context.principal
    talk = conversations.find(who, place.platform, place.team, place.channel, place.thread)
    first = next((str(one["message"]) for one in sent if one.get("message")), "")
    if talk is not None and first:
        conversations.remember(who, talk.id, first, "tieout", "tieout", text[:40_000], run_id=run_id, at=inbound.at)


def parts_of(context: StepContext) -> tuple[Desk, ConversationStore]:
    """Return the use cases and the memory of chats, which every installation has."""
    assert context.parts.desk is not None
    assert context.parts.conversations is not None
    return context.parts.desk, context.parts.conversations


AGENT = Agent("chat", _VERSION, "Answers what people say in Slack and Discord.", plan, {"decide": decide, "say": say})
