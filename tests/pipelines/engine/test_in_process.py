"""The broker in memory, by itself."""

import pytest
from dramatiq import Message
from dramatiq.errors import QueueNotFound

from pipelines.engine.in_process import InProcessBroker


def message(number: int, queue: str = "steps") -> Message[None]:
    return Message(queue_name=queue, actor_name="execute_step", args=(number,), kwargs={}, options={})


@pytest.fixture
def broker() -> InProcessBroker:
    broker = InProcessBroker()
    broker.declare_queue("steps")
    return broker


def test_messages_come_out_in_order(broker: InProcessBroker) -> None:
    for number in range(3):
        broker.enqueue(message(number))
    consumer = broker.consume("steps", prefetch=3, timeout=1)
    taken = [next(consumer) for _ in range(4)]
    assert [proxy and proxy.args[0] for proxy in taken] == [0, 1, 2, None]


def test_a_consumer_holds_no_more_than_it_may(broker: InProcessBroker) -> None:
    for number in range(3):
        broker.enqueue(message(number))
    consumer = broker.consume("steps", prefetch=1, timeout=1)
    first = next(consumer)
    assert first is not None
    assert next(consumer) is None
    consumer.ack(first)
    second = next(consumer)
    assert second is not None
    consumer.nack(second)
    assert next(consumer) is not None


def test_messages_put_back_are_read_again(broker: InProcessBroker) -> None:
    broker.enqueue(message(7))
    consumer = broker.consume("steps", prefetch=2, timeout=1)
    taken = next(consumer)
    assert taken is not None
    consumer.requeue([taken])
    again = next(consumer)
    assert again is not None
    assert again.args == (7,)


def test_flushing_drops_all(broker: InProcessBroker) -> None:
    broker.enqueue(message(1))
    broker.flush_all()
    assert next(broker.consume("steps", timeout=1)) is None


def test_unknown_queues_and_delays_are_refused(broker: InProcessBroker) -> None:
    with pytest.raises(QueueNotFound):
        broker.enqueue(message(1, "other"))
    with pytest.raises(QueueNotFound):
        broker.consume("other")
    with pytest.raises(ValueError, match="timers live in SQL"):
        broker.enqueue(message(1), delay=5)
