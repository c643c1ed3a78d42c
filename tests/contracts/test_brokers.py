"""What the engine relies on in a broker, in process and over Redis."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from dramatiq import Actor, Message, MessageProxy
from dramatiq.broker import Consumer
from dramatiq.errors import QueueNotFound
from dramatiq.worker import Worker

from pipelines.engine import brokers
from pipelines.engine.hint_broker import HintBroker

PATIENCE_S = 30.0


@pytest.fixture(params=["in process", "redis"])
def broker(request: pytest.FixtureRequest) -> Iterator[HintBroker]:
    made = (
        brokers.in_process_broker()
        if request.param == "in process"
        else brokers.redis_broker(request.getfixturevalue("redis_url"), namespace=f"test{time.time_ns()}")
    )
    made.declare_queue(brokers.QUEUE)
    yield made
    made.close()


def message(number: int, queue: str = brokers.QUEUE) -> Message[None]:
    return Message(queue_name=queue, actor_name="execute_step", args=(number,), kwargs={}, options={})


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def numbers(consumer: Consumer, count: int) -> list[int]:
    """Take `count` messages; the consumer may come back empty-handed in between."""
    return [taken.args[0] for taken in proxies(consumer, count)]


def proxies(consumer: Consumer, count: int) -> list[MessageProxy]:
    found: list[MessageProxy] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(found) < count:
        assert time.monotonic() < deadline
        if (taken := next(consumer)) is not None:
            found.append(taken)
    return found


# ---------------------------------------------------------------- the queue


def test_messages_come_out_in_order(broker: HintBroker) -> None:
    broker.enqueue(message(0))
    broker.enqueue_many([message(1), message(2)])
    consumer = broker.consume(brokers.QUEUE, prefetch=9, timeout=20)
    assert numbers(consumer, 3) == [0, 1, 2]
    assert next(consumer) is None


def test_a_message_keeps_its_actor_arguments_and_options(broker: HintBroker) -> None:
    sent = Message(brokers.QUEUE, "other", ("é", {"a": 1}), {"b": [2]}, {"c": None})
    broker.enqueue(sent)
    taken = proxies(broker.consume(brokers.QUEUE, timeout=20), 1)[0]
    assert (taken.queue_name, taken.actor_name) == (brokers.QUEUE, "other")
    assert (taken.args, taken.kwargs, taken.options) == (("é", {"a": 1}), {"b": [2]}, {"c": None})


def test_a_consumer_holds_no_more_than_it_may(broker: HintBroker) -> None:
    broker.enqueue_many([message(number) for number in range(5)])
    consumer = broker.consume(brokers.QUEUE, prefetch=2, timeout=20)
    first, second = proxies(consumer, 2)
    assert next(consumer) is None
    assert broker.waiting() == 3
    consumer.ack(first)
    assert numbers(consumer, 1) == [2]
    consumer.nack(second)
    assert numbers(consumer, 1) == [3]
    assert next(consumer) is None


def test_what_one_consumer_may_not_hold_another_takes(broker: HintBroker) -> None:
    broker.enqueue_many([message(number) for number in range(4)])
    first = broker.consume(brokers.QUEUE, prefetch=2, timeout=20)
    second = broker.consume(brokers.QUEUE, prefetch=9, timeout=20)
    assert numbers(first, 2) == [0, 1]
    assert numbers(second, 2) == [2, 3]


def test_messages_put_back_are_taken_again(broker: HintBroker) -> None:
    broker.enqueue_many([message(number) for number in range(4)])
    consumer = broker.consume(brokers.QUEUE, prefetch=4, timeout=20)
    taken = proxies(consumer, 2)
    consumer.requeue(taken)
    consumer.close()
    assert broker.waiting() == 4
    assert sorted(numbers(broker.consume(brokers.QUEUE, prefetch=9, timeout=20), 4)) == [0, 1, 2, 3]


def test_flushing_drops_what_waits(broker: HintBroker) -> None:
    broker.enqueue_many([message(1), message(2)])
    broker.flush_all()
    assert broker.waiting() == 0
    assert next(broker.consume(brokers.QUEUE, timeout=20)) is None


def test_unknown_queues_and_delays_are_refused(broker: HintBroker) -> None:
    with pytest.raises(QueueNotFound):
        broker.enqueue(message(1, "other"))
    with pytest.raises(QueueNotFound):
        broker.enqueue_many([message(1), message(1, "other")])
    with pytest.raises(QueueNotFound):
        broker.consume("other")
    with pytest.raises(ValueError, match="timers live in SQL"):
        broker.enqueue(message(1), delay=5)
    assert broker.waiting() == 0


def test_nothing_is_lost_while_nothing_happens(broker: HintBroker) -> None:
    assert not broker.lost()
    broker.enqueue(message(1))
    consumer = broker.consume(brokers.QUEUE, timeout=20)
    assert numbers(consumer, 1) == [1]
    consumer.close()
    assert not broker.lost()


# ---------------------------------------------------------------- with Dramatiq's workers


class Doing:
    """An actor that notes what it was given, and waits while held."""

    def __init__(self, broker: HintBroker) -> None:
        self.done: Counter[int] = Counter()
        self.begun: Counter[int] = Counter()
        self.go = threading.Event()
        self.go.set()
        self._lock = threading.Lock()
        self.actor = Actor(
            self._do, broker=broker, actor_name="execute_step", queue_name=brokers.QUEUE, priority=0, options={}
        )

    def _do(self, number: int) -> None:
        with self._lock:
            self.begun[number] += 1
        assert self.go.wait(PATIENCE_S)
        with self._lock:
            self.done[number] += 1


@pytest.fixture
def work() -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start(broker: HintBroker, threads: int = 4) -> Worker:
        worker = Worker(broker, worker_threads=threads, worker_timeout=brokers.poll_ms(broker))
        worker.queue_prefetch = threads
        worker.start()
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.stop(timeout=5_000)


def test_a_waiting_message_may_be_taken_at_once_by_whoever_asks(broker: HintBroker) -> None:
    doing = Doing(broker)
    assert broker.take(brokers.QUEUE, 5) == []
    broker.enqueue_many([doing.actor.message(number) for number in range(10)])
    taken = [[message.args[0] for message in broker.take(brokers.QUEUE, most)] for most in (1, 4, 9)]
    assert taken == [[0], [1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert broker.waiting() == 0
    with pytest.raises(QueueNotFound):
        broker.take("unknown", 1)


def test_each_message_is_handled_once(broker: HintBroker, work: Callable[..., Worker]) -> None:
    doing = Doing(broker)
    work(broker)
    for number in range(200):
        doing.actor.send(number)
    broker.enqueue_many([doing.actor.message(number) for number in range(200, 1000)])
    eventually(lambda: len(doing.done) == 1000)
    assert set(doing.done.values()) == {1}
    assert broker.waiting() == 0


def test_a_failing_message_is_gone_and_its_slot_is_free(
    broker: HintBroker, work: Callable[..., Worker], caplog: pytest.LogCaptureFixture
) -> None:
    doing = Doing(broker)
    work(broker, 1)
    broker.enqueue_many([Message(brokers.QUEUE, "execute_step", (), {}, {}) for _ in range(9)])
    broker.enqueue_many([Message(brokers.QUEUE, "unknown", (), {}, {}) for _ in range(9)])
    doing.actor.send(1)
    eventually(lambda: doing.done[1])
    assert broker.waiting() == 0


def test_stopping_hands_back_what_was_not_begun(broker: HintBroker, work: Callable[..., Worker]) -> None:
    doing = Doing(broker)
    doing.go.clear()
    worker = work(broker, 2)
    broker.enqueue_many([doing.actor.message(number) for number in range(20)])
    eventually(lambda: len(doing.begun) == 2)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    eventually(lambda: not any(thread.running for thread in worker.workers))
    doing.go.set()
    stopping.join(PATIENCE_S)
    assert not stopping.is_alive()
    assert len(doing.done) == 2
    assert broker.waiting() == 18


def test_a_stopped_workers_messages_are_done_by_the_next(broker: HintBroker, work: Callable[..., Worker]) -> None:
    doing = Doing(broker)
    middleware = list(broker.middleware)
    worker = work(broker)
    broker.enqueue_many([doing.actor.message(number) for number in range(2000)])
    eventually(lambda: len(doing.done) > 10)
    worker.stop()
    broker.middleware = middleware
    work(broker)
    eventually(lambda: len(doing.done) == 2000)
    assert set(doing.done.values()) == {1}
