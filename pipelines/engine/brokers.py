"""The brokers that the engine runs on. None is global; none has middleware: retries and time limits are SQL's."""

from __future__ import annotations

from dramatiq.broker import Broker

from pipelines.engine.hint_broker import HintBroker
from pipelines.engine.in_process import InProcessBroker
from pipelines.engine.redis_broker import RedisBroker

QUEUE = "steps"
_POLL_MS = 100


def in_process_broker() -> HintBroker:
    """Return a broker for one process that needs no server."""
    return InProcessBroker()


def redis_broker(url: str, *, namespace: str = "tieout") -> HintBroker:
    """Return a broker on the Redis at `url`, connected when first used.

    Raises NotAvailable (no package redis), InvalidInput (not an address of Redis).
    """
    return RedisBroker(url, namespace=namespace)


def poll_ms(broker: Broker) -> int:
    """Return how often Dramatiq's idle threads look whether they shall stop; messages wake them at once."""
    return broker.poll_ms if isinstance(broker, HintBroker) else _POLL_MS


def waiting(broker: Broker) -> int:
    """Return how many messages wait in the broker, not yet taken by any worker's process."""
    if isinstance(broker, HintBroker):
        return broker.waiting()
    raise TypeError(f"{type(broker).__name__} does not say how many messages wait: use a HintBroker")
