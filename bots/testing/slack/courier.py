"""Carries parcels to the app and sends events again until they are acknowledged."""

from __future__ import annotations

import asyncio
import time

from bots.testing.slack.journal import Journal
from bots.testing.slack.parcels import Parcel, ParcelKind, Transport

_NO_RETRY = "no_retry"


class Courier:
    """Takes parcels from any thread. Events are sent up to four times, interactions and commands once."""

    def __init__(self, journal: Journal, transport: Transport, redeliver_after_s: float, redeliveries: int) -> None:
        self.transport = transport
        self.redeliver_after_s = redeliver_after_s
        self.redeliveries = redeliveries
        self._journal = journal
        self._loop: asyncio.AbstractEventLoop | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Carry on this loop from now on."""
        self._loop = loop

    def send(self, parcel: Parcel) -> None:
        """Hand over a parcel; returns at once."""
        if self._loop is None:
            raise RuntimeError("Enter the stand first: `with SlackStand() as stand:`")
        self._loop.call_soon_threadsafe(self._begin, parcel)

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, parcel: Parcel) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(parcel))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _carry(self, parcel: Parcel) -> None:
        last = parcel.attempt + (self.redeliveries if parcel.kind is ParcelKind.EVENT else 0)
        while True:
            began = time.monotonic()
            reason = await self.transport.attempt(parcel)
            if not reason or parcel.answered.is_set():
                return
            if parcel.attempt >= last or reason == _NO_RETRY:
                break
            await asyncio.sleep(max(0.0, began + self.redeliver_after_s - time.monotonic()))
            parcel.attempt, parcel.reason = parcel.attempt + 1, reason
        parcel.answered.set()  # what comes later changes nothing
        self._journal.gave_up(parcel.payload)
