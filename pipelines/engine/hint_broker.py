"""What a broker of the engine does beyond Dramatiq's interface: send many hints, count them, notice losses.

A message is a hint: SQL knows what is ready. So nothing is acknowledged, kept or delivered again, and a broker may be
as quick as its queue.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from dramatiq import Message, MessageProxy
from dramatiq.broker import Broker
from dramatiq.errors import QueueNotFound


class HintBroker(Broker):
    """A Dramatiq broker for hints, without middleware: retries, timers and time limits are SQL's."""

    poll_ms = 100  # Dramatiq's threads look this often whether they shall stop; messages wake them by themselves

    def __init__(self) -> None:
        super().__init__(middleware=[])
        self.queues: dict[str, SimpleQueue[Message[Any]]] = {}  # what waits in this process

    def declare_queue(self, queue_name: str) -> None:
        """Add a queue unless it is there."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = SimpleQueue()
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Put a message at the end of its queue. Raises ValueError for a delay: timers live in SQL."""
        if delay is not None:
            raise ValueError("this broker delays nothing: timers live in SQL")
        self.emit_before("enqueue", message, delay)
        self.enqueue_many([message])
        self.emit_after("enqueue", message, delay)
        return message

    @abstractmethod
    def enqueue_many(self, messages: Sequence[Message[Any]]) -> None:
        """Put messages at the ends of their queues, in order, in one round trip. Raises QueueNotFound."""

    @abstractmethod
    def waiting(self, *, lately_s: float = 0.0) -> int:
        """Return how many messages of all queues no consumer has taken yet; a figure so many seconds old will do."""

    def take(self, queue_name: str, most: int) -> list[Message[Any]]:
        """Return messages that wait, at most so many, taking them from their queue. Raises QueueNotFound."""
        queue = self.queue(queue_name)
        taken: list[Message[Any]] = []
        with suppress(Empty):
            while len(taken) < most:
                taken.append(queue.get_nowait())
        return taken

    def leads(self) -> bool:
        """Return whether this process is the one that dispatches: one of those that share the broker, for a while."""
        return True

    @abstractmethod
    def lost(self) -> bool:
        """Return whether messages may have been lost since the last call, through no worker's fault."""

    def flush_all(self) -> None:
        """Drop all messages."""
        for queue_name in self.queues:
            self.flush(queue_name)

    def queue(self, name: str) -> SimpleQueue[Message[Any]]:
        """Return what waits in this process for a queue. Raises QueueNotFound."""
        try:
            return self.queues[name]
        except KeyError:
            raise QueueNotFound(name) from None  # type: ignore[no-untyped-call]

    def _drop(self, queue_name: str) -> None:
        queue = self.queue(queue_name)
        try:
            while True:
                queue.get_nowait()
        except Empty:
            return


class HintProxy(MessageProxy):
    """A message whose fields are its own: Dramatiq reads a dozen per message, each through `__getattr__` otherwise."""

    def __init__(self, message: Message[Any]) -> None:
        super().__init__(message)
        self.queue_name = message.queue_name
        self.actor_name = message.actor_name
        self.args = message.args
        self.kwargs = message.kwargs
        self.options = message.options
        self.message_id = message.message_id


class Slots:
    """How many messages a consumer may still hold; tokens in a queue written in C: quicker than a lock."""

    def __init__(self, count: int) -> None:
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self.give(count)

    def give(self, count: int) -> None:
        """Add free slots. May be called by any thread."""
        for _ in range(count):
            self._tokens.put(None)

    def take(self, timeout_s: float, most: int) -> int:
        """Take as many slots as are free, at most `most`; wait up to `timeout_s` seconds for the first. 0: none was."""
        try:
            self._tokens.get(timeout=timeout_s)
        except Empty:
            return 0
        taken = 1
        try:
            while taken < most:
                self._tokens.get_nowait()
                taken += 1
        except Empty:
            pass
        return taken
