"""A Dramatiq broker inside one process: a queue in memory, blocking reads, nothing kept.

Dramatiq's own StubBroker is for tests: it keeps every failed message and its exception, and copies each message
through JSON. Hints may be lost, so here a failed one is simply gone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from queue import Empty, SimpleQueue
from typing import Any

from dramatiq import Message, MessageProxy
from dramatiq.broker import Broker, Consumer
from dramatiq.errors import QueueNotFound


class InProcessBroker(Broker):
    """Hands messages to workers of the same process, first in, first out."""

    def __init__(self) -> None:
        super().__init__(middleware=[])
        self.queues: dict[str, SimpleQueue[Message[Any]]] = {}

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
        if message.queue_name not in self.queues:
            raise QueueNotFound(message.queue_name)  # type: ignore[no-untyped-call]
        self.emit_before("enqueue", message, delay)
        self.queues[message.queue_name].put(message)
        self.emit_after("enqueue", message, delay)
        return message

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 100) -> Consumer:
        """Return an iterator over a queue that holds at most `prefetch` unfinished messages; `timeout` is in ms."""
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)  # type: ignore[no-untyped-call]
        return _InProcessConsumer(self.queues[queue_name], prefetch, timeout / 1000)

    def flush(self, queue_name: str) -> None:
        """Drop the messages of a queue."""
        try:
            while True:
                self.queues[queue_name].get_nowait()
        except Empty:
            return

    def flush_all(self) -> None:
        """Drop all messages."""
        for queue_name in self.queues:
            self.flush(queue_name)


class _InProcessConsumer(Consumer):
    def __init__(self, queue: SimpleQueue[Message[Any]], prefetch: int, timeout_s: float) -> None:
        self._queue = queue
        self._timeout_s = timeout_s
        self._slots = threading.Semaphore(prefetch)

    def __next__(self) -> MessageProxy | None:
        if not self._slots.acquire(timeout=self._timeout_s):
            return None
        try:
            return MessageProxy(self._queue.get(timeout=self._timeout_s))
        except Empty:
            self._slots.release()
            return None

    def ack(self, message: MessageProxy) -> None:  # noqa: ARG002
        self._slots.release()

    def nack(self, message: MessageProxy) -> None:  # noqa: ARG002
        self._slots.release()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        for message in messages:
            self._queue.put(message._message)
