"""Wake-ups between processes through Redis: publish and subscribe on one channel."""

from __future__ import annotations

from pipelines.engine.redis_wire import RedisWire
from tieout.relay import RelayedChanges


class RedisChanges(RelayedChanges):
    """`Changes` for all processes that share a Redis and a namespace."""

    def __init__(self, url: str, *, namespace: str = "tieout") -> None:
        """Take the address; nothing is connected before the first change or wait. Raises InvalidInput."""
        super().__init__(RedisLine(url, f"{namespace}:changes"), name="Redis")


class RedisLine:
    """A channel of Redis, as a line."""

    def __init__(self, url: str, channel: str) -> None:
        self._channel = channel
        self._to = RedisWire(url, purpose="sending wake-ups", quiet=True)
        self._from = RedisWire(url, purpose="receiving wake-ups", quiet=True)

    def send(self, text: str) -> None:
        """Publish a text. Raises RedisAway."""
        self._to.ask(("PUBLISH", self._channel, text))

    def open(self) -> int:
        """Subscribe; return the file descriptor of the connection. Raises RedisAway."""
        self._from.close()
        self._from.ask(("SUBSCRIBE", self._channel))
        return self._from.fileno()

    def receive(self) -> list[str]:
        """Return what was published since. Raises RedisAway."""
        return [message[2].decode() for message in self._from.received() if message[0] == b"message"]

    def hang_up(self) -> None:
        """Close the subscribed connection."""
        self._from.close()

    def close(self) -> None:
        """Close the publishing connection."""
        self._to.close()
