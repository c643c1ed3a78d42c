"""A Dramatiq broker inside one process: a queue in memory, blocking reads, nothing kept.

Dramatiq's own StubBroker is for tests: it keeps every failed message and its exception, and copies each message
through JSON. Hints may be lost, so here a failed one is simply gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from dramatiq import Message, MessageProxy
from dramatiq.broker import Consumer

from pipelines.engine.hint_broker import HintBroker, HintProxy, Slots


class InProcessBroker(HintBroker):
    """Hands messages to workers of the same process, first in, first out."""

    def enqueue_many(self, messages: Sequence[Message[Any]]) -> None:
        """Put messages at the ends of their queues, in order. Raises QueueNotFound, and then none is put."""
        queues = [self.queue(message.queue_name) for message in messages]
        for queue, message in zip(queues, messages, strict=True):
            queue.put(message)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 100) -> Consumer:
        """Return an iterator over a queue that holds at most `prefetch` unfinished messages; `timeout` is in ms."""
        return _InProcessConsumer(self.queue(queue_name), prefetch, timeout / 1000)

    def waiting(self, *, lately_s: float = 0.0) -> int:  # noqa: ARG002
        """Return how many messages no consumer has taken yet, just now."""
        return sum(queue.qsize() for queue in self.queues.values())

    def lost(self) -> bool:
        """Return False: memory is lost only with its process."""
        return False

    def flush(self, queue_name: str) -> None:
        """Drop the messages of a queue. Raises QueueNotFound."""
        self._drop(queue_name)


class _InProcessConsumer(Consumer):
    def __init__(self, queue: SimpleQueue[Message[Any]], prefetch: int, timeout_s: float) -> None:
        self._queue = queue
        self._timeout_s = timeout_s
        self._slots = Slots(prefetch)

    def __next__(self) -> MessageProxy | None:
        if not self._slots.take(self._timeout_s, 1):
            return None
        try:
            return HintProxy(self._queue.get(timeout=self._timeout_s))
        except Empty:
            self._slots.give(1)
            return None

    def ack(self, message: MessageProxy) -> None:  # noqa: ARG002
        self._slots.give(1)

    def nack(self, message: MessageProxy) -> None:  # noqa: ARG002
        self._slots.give(1)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        for message in messages:
            self._queue.put(message._message)
            self._slots.give(1)
