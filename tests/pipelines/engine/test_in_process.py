"""The broker in memory, by itself: what all brokers have in common is in tests/contracts/test_brokers.py."""

from dramatiq import Message

from pipelines.engine.brokers import poll_ms, waiting
from pipelines.engine.in_process import InProcessBroker


def test_messages_are_handed_over_without_a_copy() -> None:
    broker = InProcessBroker()
    broker.declare_queue("steps")
    thing = object()
    broker.enqueue(Message("steps", "execute_step", (thing,), {}, {}))
    assert waiting(broker) == 1
    taken = next(broker.consume("steps", timeout=poll_ms(broker)))
    assert taken is not None
    assert taken.args == (thing,)
    assert not broker.lost()
