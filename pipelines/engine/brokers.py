"""The brokers that the engine runs on. None is global; none has middleware: retries and time limits are SQL's."""

from __future__ import annotations

from dramatiq.broker import Broker

from pipelines.engine.in_process import InProcessBroker

QUEUE = "steps"
_HEARTBEAT_MS = 5_000  # a worker that is silent for longer is dead to Redis, and its messages go to others
_DEAD_MESSAGE_MS = 60_000  # a hint whose actor failed is worth nothing


def in_process_broker() -> Broker:
    """Return a broker for one process that needs no server."""
    return InProcessBroker()


def redis_broker(url: str, *, namespace: str = "tieout") -> Broker:
    """Return a broker on the Redis at `url`, connected when first used. Raises NotAvailable (no package redis)."""
    try:
        from dramatiq.brokers.redis import RedisBroker
    except ImportError as error:
        from tieout.errors import NotAvailable

        raise NotAvailable("Redis support is not installed: pip install 'tieout[redis]'") from error
    return RedisBroker(  # type: ignore[no-untyped-call]
        url=url,
        middleware=[],
        namespace=namespace,
        heartbeat_timeout=_HEARTBEAT_MS,
        maintenance_chance=1_000_000,  # look for dead workers at every command, not at one in a thousand
        dead_message_ttl=_DEAD_MESSAGE_MS,
    )


def poll_ms(broker: Broker) -> int:
    """Return how often Dramatiq's threads look up when idle: Redis has no blocking read, memory has."""
    return 100 if isinstance(broker, InProcessBroker) else 20


def waiting(broker: Broker) -> int:
    """Return how many messages wait in the broker and with its workers, those at work included."""
    if isinstance(broker, InProcessBroker):
        return broker.queues[QUEUE].qsize()
    return int(broker.do_qsize(QUEUE))  # type: ignore[attr-defined]
