"""A Dramatiq broker over Redis for hints: a list per queue, read by blocking pops, nothing acknowledged.

Dramatiq's own looks for messages up to once a second and keeps what is at work in further keys, with heartbeats and
scripts. A hint may be lost, so popping it is all: one round trip for each, or less. What Redis loses is noticed by a
random value that is kept beside the lists and is gone when they are. While Redis is away, hints go to the workers of
this process.
"""

from __future__ import annotations

import json
import secrets
import time
from collections import deque
from collections.abc import Iterable, Sequence
from queue import Empty
from typing import Any

import structlog
from dramatiq import Message, MessageProxy
from dramatiq.broker import Consumer

from pipelines.engine.hint_broker import HintBroker, HintProxy, Slots
from pipelines.engine.redis_wire import Command, RedisAway, RedisWire

_LEAD_MS = 1_000  # after the leader has died, another one leads this much later at the most
_PATIENCE_S = 2.0  # beyond the time that a pop may block: then the connection is taken for dead
_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_log = structlog.get_logger(__name__)


class RedisBroker(HintBroker):
    """Hands messages to workers of all processes that share a Redis and a namespace, first in, first out.

    Needs Redis 7 (or Valkey); an older one works, slower.
    """

    def __init__(self, url: str, *, namespace: str = "tieout") -> None:
        """Take the address; nothing is connected before the first message. Raises InvalidInput."""
        super().__init__()
        self._url = url
        self._namespace = namespace
        self._wire = RedisWire(url, purpose="sending hints")
        self._consumers: list[_RedisConsumer] = []
        self._epoch: bytes | None = None  # the random value that Redis held at the last look
        self._breaks = 0
        self._lost = False
        self._name = secrets.token_hex(8).encode()
        self._seen = (0.0, 0)  # when it was looked, and how many waited
        self._lead_due = 0.0
        self._follows_until = 0.0

    def enqueue_many(self, messages: Sequence[Message[Any]]) -> None:
        """Put messages at the ends of their queues, in order, in one round trip. Raises QueueNotFound.

        While Redis is away, they wait for the workers of this process.
        """
        bodies: dict[str, list[bytes]] = {}
        for message in messages:
            self.queue(message.queue_name)
            bodies.setdefault(message.queue_name, []).append(encode(message))
        if not bodies:
            return
        try:
            if self._epoch is None:
                self._look()
            pushes: list[Command] = [("RPUSH", self.key(name), *of_queue) for name, of_queue in bodies.items()]
            self._wire.ask(*pushes)
        except RedisAway:
            for message in messages:
                self.queues[message.queue_name].put(message)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 100) -> Consumer:
        """Return an iterator over a queue that holds at most `prefetch` unfinished messages; `timeout` is in ms."""
        self.queue(queue_name)
        wire = RedisWire(self._url, purpose="taking hints", timeout_s=timeout / 1000 + _PATIENCE_S)
        consumer = _RedisConsumer(self, wire, queue_name, prefetch, timeout / 1000)
        self._consumers.append(consumer)
        return consumer

    def take(self, queue_name: str, most: int) -> list[Message[Any]]:
        """Return messages that wait in this process, then in Redis, taking them. Raises QueueNotFound."""
        messages = super().take(queue_name, most)
        if len(messages) == most:
            return messages
        key = self.key(queue_name)
        try:
            bodies, left = self._wire.ask(("LPOP", key, most - len(messages)), ("LLEN", key))
        except RedisAway:
            return messages
        self._seen = (time.monotonic(), left)
        return messages + [message for body in bodies or () if (message := decode(queue_name, body)) is not None]

    def waiting(self, *, lately_s: float = 0.0) -> int:
        """Return how many messages no consumer has taken yet; of those in Redis only while it answers."""
        here = sum(queue.qsize() for queue in self.queues.values())
        seen_at, there = self._seen  # by `take`, for the one queue that there is
        if time.monotonic() - seen_at < lately_s:
            return here + there
        try:
            return here + self._look()
        except RedisAway:
            return here

    def lost(self) -> bool:
        """Return whether Redis has lost its data, or a connection to it broke and is back, since the last call."""
        try:
            self._look()
        except RedisAway:
            return False  # nothing can be said, and nothing done about it, before it is back
        lost, self._lost = self._lost, False
        return lost

    def leads(self) -> bool:
        """Return whether this process holds the lead, taking it when nobody does; without Redis each has its own.

        Two may lead for a moment, and then some hints are sent twice: the lead spares work, nothing rests on it.
        """
        key = f"{self._namespace}:dispatcher"
        if time.monotonic() < self._follows_until:
            return False
        try:
            _, found = self._wire.ask(("SET", key, self._name, "NX", "PX", _LEAD_MS), ("GET", key))
            if found == self._name and time.monotonic() >= self._lead_due:
                self._wire.ask(("PEXPIRE", key, _LEAD_MS))
                self._lead_due = time.monotonic() + _LEAD_MS / 3000
        except RedisAway:
            return True
        if found != self._name:
            self._follows_until = time.monotonic() + _LEAD_MS / 10_000
        return bool(found == self._name)

    def flush(self, queue_name: str) -> None:
        """Drop the messages of a queue. Raises QueueNotFound, RedisAway."""
        self._drop(queue_name)
        self._wire.ask(("DEL", self.key(queue_name)))

    def close(self) -> None:
        """Close the connections."""
        for consumer in list(self._consumers):
            consumer.close()
        self._wire.close()

    def key(self, queue_name: str) -> str:
        """Return the name of a queue's list in Redis."""
        return f"{self._namespace}:hints:{queue_name}"

    def put_back(self, queue_name: str, messages: Sequence[Message[Any]]) -> None:
        """Put messages at the front of their queue, in order."""
        try:
            self._wire.ask(("LPUSH", self.key(queue_name), *(encode(message) for message in reversed(messages))))
        except RedisAway:
            for message in messages:
                self.queues[queue_name].put(message)

    def end_consumer(self, consumer: _RedisConsumer) -> None:
        """Count a consumer no more, except the breaks that it saw."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)
            self._breaks -= consumer.wire.breaks

    def _look(self) -> int:
        """Return how many messages wait in Redis, and note whether it is another Redis than at the last look."""
        epoch = f"{self._namespace}:hints-epoch"
        set_if_gone: Command = ("SET", epoch, secrets.token_hex(8), "NX")
        _, found, *lengths = self._wire.ask(
            set_if_gone, ("GET", epoch), *(("LLEN", self.key(name)) for name in self.queues)
        )
        breaks = self._wire.breaks + sum(consumer.wire.breaks for consumer in list(self._consumers))
        if self._epoch not in (None, found) or breaks > self._breaks:
            self._lost = True
        self._epoch, self._breaks = found, breaks
        self._seen = (time.monotonic(), sum(lengths))
        return sum(lengths)


class _RedisConsumer(Consumer):
    """Takes as many messages at once as it may hold; used by one thread, except `ack` and `nack`."""

    def __init__(self, broker: RedisBroker, wire: RedisWire, queue_name: str, prefetch: int, timeout_s: float) -> None:
        self.wire = wire
        self._broker = broker
        self._queue_name = queue_name
        self._queue = broker.queues[queue_name]
        self._prefetch = prefetch
        self._timeout_s = timeout_s
        self._slots = Slots(prefetch)
        self._taken: deque[Message[Any]] = deque()
        self._pops_many: bool | None = None

    def __next__(self) -> MessageProxy | None:
        if not self._taken:
            slots = self._slots.take(self._timeout_s, self._prefetch)
            if not slots:
                return None
            try:
                self._taken.extend(self._take(slots))
            finally:
                self._slots.give(slots - len(self._taken))
        return HintProxy(self._taken.popleft()) if self._taken else None

    def ack(self, message: MessageProxy) -> None:  # noqa: ARG002
        self._slots.give(1)

    def nack(self, message: MessageProxy) -> None:  # noqa: ARG002
        self._slots.give(1)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        returned = [message._message for message in messages]
        returned += self._taken
        self._taken.clear()
        if returned:
            self._broker.put_back(self._queue_name, returned)
            self._slots.give(len(returned))

    def close(self) -> None:
        self.requeue([])
        self.wire.close()
        self._broker.end_consumer(self)

    def _take(self, most: int) -> list[Message[Any]]:
        """Take messages from this process, else from Redis; wait for the first."""
        rest_s = min(self.wire.rests_s(), self._timeout_s)
        try:
            return [self._queue.get(timeout=rest_s) if rest_s else self._queue.get_nowait()]
        except Empty:
            if rest_s:
                return []
        try:
            bodies = self._pop(most)
        except RedisAway:
            return []
        return [message for body in bodies if (message := decode(self._queue_name, body)) is not None]

    def _pop(self, most: int) -> list[bytes]:
        key = self._broker.key(self._queue_name)
        if self._pops_many is None:
            (about,) = self.wire.ask(("COMMAND", "INFO", "BLMPOP"))
            self._pops_many = bool(about and about[0])  # not before Redis 7
        if self._pops_many:
            (reply,) = self.wire.ask(("BLMPOP", self._timeout_s, 1, key, "LEFT", "COUNT", most))
            return reply[1] if reply else []
        (reply,) = self.wire.ask(("BLPOP", key, self._timeout_s))
        return [reply[1]] if reply else []


def encode(message: Message[Any]) -> bytes:
    """Return a message as small JSON: actor and arguments, then keyword arguments and options where there are any."""
    parts: list[Any] = [message.actor_name, message.args]
    if message.kwargs or message.options:
        parts += [message.kwargs, message.options]
    return _ENCODE(parts).encode()


def decode(queue_name: str, body: bytes) -> Message[Any] | None:
    """Return the message, or None, and say so, when it is none: somebody else writes to this list."""
    try:
        actor, args, kwargs, options = (*json.loads(body), {}, {})[:4]
        if isinstance(actor, str) and isinstance(kwargs, dict) and isinstance(options, dict):
            return Message(queue_name, actor, tuple(args), kwargs, options, "")
    except (ValueError, TypeError):
        pass
    _log.warning("hint_not_understood", queue=queue_name, body=body[:200])
    return None
