"""Says in words what happened in a run, what it waits for, and by which command a person ends that."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tieout.commands import terminal

if TYPE_CHECKING:
    from tieout.model import Event, OpenWait

_SHOWN = 5  # names of a longer list
_DIGITS = 12  # of a draft's hash


def words(event: Event) -> str | None:
    """Return what an event tells a person, or None for one that has no words of its own."""
    say = _WORDS.get(event.kind)
    if say is None and event.kind.startswith("approval_"):
        say = _decided
    return terminal.line(say(event.data)) if say is not None else None


def listed(names: Iterable[object], count: int | None = None) -> str:
    """Return a few names of a list, and how many more there are (of `count` in all, when the list is cut)."""
    texts = [str(name) for name in names]
    left = max(len(texts), count or 0) - len(texts[:_SHOWN])
    more = f" and {left} more" if left else ""
    return ", ".join(texts[:_SHOWN]) + more


def short_hash(sha256: object) -> str:
    """Return as many digits of a draft's hash as `tieout runs decide` needs."""
    return str(sha256)[:_DIGITS]


def way_to_end(wait: OpenWait) -> str | None:
    """Return the command by which a person ends the wait, or None when no person does."""
    where = f"{wait.run_id} {shlex.quote(wait.name)}"
    if wait.kind == "approval":
        return f"tieout runs decide {where} approved --draft {short_hash(wait.draft_sha256)}   (or: refused)"
    if wait.kind == "effect":
        return f"tieout runs decide {wait.run_id} {wait.token} arrived   (or: resend, drop)"
    if wait.kind == "event":
        return f"tieout runs signal {where}"
    return None


def _waits(data: Mapping[str, Any]) -> str:
    return "waits for " + listed(f"{one.get('kind')} {one.get('name')!r}" for one in _objects(data.get("waits")))


def _asked(data: Mapping[str, Any]) -> str:
    who = listed(data.get("approvers") or ()) or "any member"
    until = f", until {data['until']}" if data.get("until") else ""
    note = f": {data['note']}" if data.get("note") else ""
    return f"asks {who} to approve {data.get('name')!r} (draft {short_hash(data.get('draft_sha256'))}{until}){note}"


def _decided(data: Mapping[str, Any]) -> str:
    reason = f": {data['reason']}" if data.get("reason") else ""
    by = f" by {data['by']}" if data.get("by") else ""
    return f"{data.get('name')!r} was {data.get('decision')}{by}{reason}"


def _ended(data: Mapping[str, Any]) -> str:
    reason = f": {data['reason']}" if data.get("reason") else ""
    by = f" by {data['by']}" if data.get("by") else ""
    return f"{data.get('kind')} {data.get('name')!r} ended: {data.get('decision')}{by}{reason}"


def _refused(data: Mapping[str, Any]) -> str:
    return f"{data.get('by')} could not decide {data.get('name')!r} as {data.get('decision')}: {data.get('reason')}"


def _arrived(data: Mapping[str, Any]) -> str:
    payload = data.get("payload")
    told = ", ".join(f"{key} {value}" for key, value in payload.items() if value) if isinstance(payload, dict) else ""
    return f"{data.get('by')} sent {data.get('name')!r}{': ' if told else ''}{told}"


def _spawned(data: Mapping[str, Any]) -> str:
    count = data.get("count")
    names = listed(data.get("steps") or (), count if isinstance(count, int) else None)
    return f"added {count} steps: {names}" if names else "added no steps any more"


def _replayed(data: Mapping[str, Any]) -> str:
    what = f"from {data['from']!r} on" if data.get("from") else "what had no result"
    again = ", and sends again what was sent" if data.get("redeliver") else ""
    return f"{data.get('principal')} replays {what}{again}"


def _cancelled(data: Mapping[str, Any]) -> str:
    reason = f": {data['reason']}" if data.get("reason") else ""
    return f"{data.get('principal')} cancelled it{reason}"


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "step_waited": _waits,
    "approval_asked": _asked,
    "wait_ended": _ended,
    "decision_refused": _refused,
    "signal_arrived": _arrived,
    "steps_spawned": _spawned,
    "step_cancelled": _cancelled,
    "step_deferred": lambda data: f"left to another worker, again at {data.get('retry_at')}: {data.get('reason')}",
    "run_cancelled": _cancelled,
    "run_paused": lambda data: f"{data.get('principal')} paused it",
    "run_resumed": lambda data: f"{data.get('principal')} let it go on",
    "run_replayed": _replayed,
    "partial_result_kept": lambda _data: "what it had when it was cancelled is kept",
}
