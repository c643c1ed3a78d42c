"""The broker over Redis when Redis loses its data, dies, or is another than expected."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import redis
import structlog
from dramatiq import Actor, Message
from dramatiq.worker import Worker

from pipelines.engine import brokers
from pipelines.engine.hint_broker import HintBroker
from pipelines.engine.redis_broker import RedisBroker
from pipelines.engine.redis_wire import RedisAway
from tests.support.servers import RedisServer
from tieout.errors import InvalidInput

PATIENCE_S = 30.0


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def make(server: RedisServer) -> Iterator[Callable[[], RedisBroker]]:
    made: list[RedisBroker] = []

    def make() -> RedisBroker:
        made.append(RedisBroker(server.url))
        made[-1].declare_queue(brokers.QUEUE)
        return made[-1]

    yield make
    for broker in made:
        broker.close()


class Doing:
    """Workers with an actor that notes what it was given."""

    def __init__(self, broker: HintBroker) -> None:
        self.done: Counter[int] = Counter()
        self._lock = threading.Lock()
        self.actor = Actor(
            self._do, broker=broker, actor_name="execute_step", queue_name=brokers.QUEUE, priority=0, options={}
        )
        self.worker = Worker(broker, worker_threads=2, worker_timeout=brokers.poll_ms(broker))
        self.worker.start()

    def _do(self, number: int) -> None:
        with self._lock:
            self.done[number] += 1


@pytest.fixture
def work() -> Iterator[Callable[[HintBroker], Doing]]:
    started: list[Doing] = []

    def start(broker: HintBroker) -> Doing:
        started.append(Doing(broker))
        return started[-1]

    yield start
    for doing in started:
        doing.worker.stop(timeout=5_000)


def message(number: int) -> Message[None]:
    return Message(brokers.QUEUE, "execute_step", (number,), {}, {})


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def client(server: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def test_a_flush_is_noticed_once_by_each_process(server: RedisServer, make: Callable[[], RedisBroker]) -> None:
    first, second = make(), make()
    first.enqueue(message(1))
    second.enqueue(message(2))
    assert not first.lost()
    assert not second.lost()
    with client(server) as redis_client:
        redis_client.flushall()
    assert first.lost()
    assert not first.lost()
    assert second.lost()
    assert first.waiting() == 0


def test_a_flush_is_noticed_though_others_sent_since(server: RedisServer, make: Callable[[], RedisBroker]) -> None:
    first, second = make(), make()
    first.enqueue(message(1))
    assert not second.lost()
    with client(server) as redis_client:
        redis_client.flushall()
    assert second.lost()
    second.enqueue(message(2))
    assert first.waiting() == 1  # a look that finds the loss keeps it for the next question
    assert first.lost()


def test_a_killed_redis_counts_as_a_loss_when_it_is_back(server: RedisServer, make: Callable[[], RedisBroker]) -> None:
    broker = make()
    broker.enqueue(message(1))
    assert not broker.lost()
    server.kill()
    assert not broker.lost()
    assert broker.waiting() == 0
    server.start()
    eventually(broker.lost)
    assert not broker.lost()


def test_a_broken_connection_counts_as_a_loss_though_the_data_stands(
    server: RedisServer, make: Callable[[], RedisBroker], work: Callable[[HintBroker], Doing]
) -> None:
    """The pop that it cut off may have taken hints with it."""
    broker = make()
    doing = work(broker)
    doing.actor.send(1)
    eventually(lambda: doing.done[1])
    assert not broker.lost()
    with client(server) as redis_client:
        redis_client.client_kill_filter(_type="normal", skipme=True)
    eventually(broker.lost)
    doing.actor.send(2)
    eventually(lambda: doing.done[2])


def test_work_goes_on_in_this_process_while_redis_is_away_and_everywhere_after(
    server: RedisServer, make: Callable[[], RedisBroker], work: Callable[[HintBroker], Doing]
) -> None:
    broker, other = make(), make()
    doing = work(broker)
    doing.actor.send(1)
    eventually(lambda: doing.done[1])
    server.kill()
    for number in range(2, 50):
        doing.actor.send(number)
    eventually(lambda: len(doing.done) == 49)
    server.start()
    eventually(broker.lost)
    other.enqueue(message(50))  # through Redis, from another process
    eventually(lambda: doing.done[50])
    assert set(doing.done.values()) == {1}


def test_many_kills_neither_end_a_worker_nor_fill_the_log(
    server: RedisServer,
    make: Callable[[], RedisBroker],
    work: Callable[[HintBroker], Doing],
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = make()
    doing = work(broker)
    with structlog.testing.capture_logs() as logged:
        for number in range(4):
            server.kill()
            eventually(lambda: all(consumer.wire.away for consumer in broker._consumers))
            server.start()
            eventually(lambda: not any(consumer.wire.away for consumer in broker._consumers))
            eventually(broker.lost)
            doing.actor.send(number)
            eventually(lambda number=number: doing.done[number])
    warned = [entry for entry in logged if entry["log_level"] != "info"]
    assert {entry["event"] for entry in warned} == {"redis_lost"}
    assert len(warned) <= 8, warned  # once for each of two connections, each time
    assert not caplog.records  # Dramatiq had nothing to say
    assert all(thread.is_alive() for thread in [*doing.worker.workers, *doing.worker.consumers.values()])


def test_a_redis_that_was_never_there_stops_nothing(
    server: RedisServer, make: Callable[[], RedisBroker], work: Callable[[HintBroker], Doing]
) -> None:
    server.kill()
    broker = make()
    doing = work(broker)
    doing.actor.send(1)
    eventually(lambda: doing.done[1])
    assert not broker.lost()
    with pytest.raises(RedisAway, match="Redis is away"):
        broker.flush(brokers.QUEUE)


def test_what_is_put_back_is_first_in_line_in_its_order(make: Callable[[], RedisBroker]) -> None:
    broker = make()
    broker.enqueue_many([message(number) for number in range(5)])
    consumer = broker.consume(brokers.QUEUE, prefetch=4, timeout=20)
    taken = [next(consumer), next(consumer)]
    consumer.requeue([one for one in taken if one])
    consumer.close()
    again = broker.consume(brokers.QUEUE, prefetch=9, timeout=20)
    assert [(one := next(again)) and one.args[0] for _ in range(5)] == [0, 1, 2, 3, 4]


def test_what_is_no_hint_is_left_out(server: RedisServer, make: Callable[[], RedisBroker]) -> None:
    broker = make()
    with client(server) as redis_client:
        for body in ("", "{", "7", "[]", '["a"]', '["a", 1]', '["a", [], 1]', "\xff", json.dumps({"a": 1})):
            redis_client.rpush(broker.key(brokers.QUEUE), body)
    broker.enqueue(message(7))
    consumer = broker.consume(brokers.QUEUE, prefetch=2, timeout=20)
    found = [taken.args for _ in range(20) if (taken := next(consumer)) is not None]
    assert found == [(7,)]


def test_the_body_is_small(make: Callable[[], RedisBroker], server: RedisServer) -> None:
    broker = make()
    broker.enqueue(Message(brokers.QUEUE, "execute_step", ("step_" + "0" * 26,), {}, {}))
    with client(server) as redis_client:
        assert redis_client.lpop(broker.key(brokers.QUEUE)) == b'["execute_step",["step_' + b"0" * 26 + b'"]]'


def test_a_redis_without_the_pop_of_many_serves_too() -> None:
    class Older(RedisServer):
        def command(self) -> list[str]:
            return [*super().command(), "--rename-command", "BLMPOP", ""]

    with Older() as server:
        broker = RedisBroker(server.url)
        broker.declare_queue(brokers.QUEUE)
        broker.enqueue_many([message(number) for number in range(3)])
        consumer = broker.consume(brokers.QUEUE, prefetch=9, timeout=20)
        taken = [next(consumer) for _ in range(4)]
        assert [one and one.args[0] for one in taken] == [0, 1, 2, None]
        assert not broker.lost()
        consumer.close()
        broker.close()


def test_an_address_that_is_none_is_refused_without_its_password() -> None:
    for address in ("redis://:pa/ss:word@host", "http://host", "secret"):
        with pytest.raises(InvalidInput) as refused:
            RedisBroker(address)
        assert "pa" not in refused.value.message.replace("password", "")
        assert "secret" not in refused.value.message
