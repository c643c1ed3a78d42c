"""Run events as server-sent events: each once, in order, taken up again after `Last-Event-ID`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync

from tieout import codec
from tieout.errors import InvalidInput
from tieout.model import Event, Principal, Run
from tieout.ports import Changes, Desk

HEARTBEAT_S = 10.0


def last_event_id(header: str | None) -> int:
    """Return the sequence number after which a stream goes on. Raises InvalidInput."""
    if not header:
        return 0
    if not header.isdecimal() or len(header) > 18:
        raise InvalidInput(f"Last-Event-ID must be the number of an event, not {header!r}.")
    return int(header)


def encode(event: Event) -> str:
    """Return an event in the text form of server-sent events."""
    data = json.dumps(codec.dump(event), separators=(",", ":"))
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {data}\n\n"


@asynccontextmanager
async def waking(changes: Changes, run_id: str) -> AsyncIterator[asyncio.Event]:
    """Give an asyncio event that is set at every change of the run, whichever thread or process made it."""
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(woken.set)

    end = changes.listen(wake, run_id)
    try:
        yield woken
    finally:
        end()


async def pause(woken: asyncio.Event, timeout_s: float) -> None:
    """Wait for a change, at most `timeout_s` seconds."""
    try:
        await asyncio.wait_for(woken.wait(), timeout_s)
    except TimeoutError:
        return
    woken.clear()


async def stream(
    desk: Desk, changes: Changes, principal: Principal, run_id: str, *, after: int, stopping: Callable[[], bool]
) -> AsyncIterator[str]:
    """Yield the run's events as text until it is final or the service stops, with heartbeats. Takes a whole id."""
    loop = asyncio.get_running_loop()
    async with waking(changes, run_id) as woken:
        told = loop.time()
        yield "retry: 1000\n\n"
        while not stopping():
            # The state is read before the events: a final state is committed with its last event.
            run = await run_sync(desk.run, principal, run_id)
            events = await run_sync(lambda: desk.events(principal, run_id, after=after))  # noqa: B023
            for event in events:
                after, told = event.seq, loop.time()
                yield encode(event)
            if events:
                continue
            if run.state.final:
                return
            await pause(woken, changes.poll_s)
            if loop.time() - told >= HEARTBEAT_S:
                told = loop.time()
                yield ": still here\n\n"


async def wait_final(
    desk: Desk, changes: Changes, principal: Principal, run_id: str, timeout_s: float, stopping: Callable[[], bool]
) -> Run:
    """Return the run when it is final, or as it stands after `timeout_s` seconds; no thread waits with it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    run = await run_sync(desk.run, principal, run_id)
    if run.state.final or timeout_s <= 0:
        return run
    async with waking(changes, run.id) as woken:
        while True:
            run = await run_sync(desk.run, principal, run.id)
            left = deadline - loop.time()
            if run.state.final or left <= 0 or stopping():
                return run
            await pause(woken, min(changes.poll_s, left))
