"""Wake-ups over a line that is slow, down or noisy."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import structlog

from tieout.relay import MOST_BYTES, RelayedChanges

PATIENCE_S = 30.0


class Hub:
    """What joins lines in memory. It can be held (slow) and be down."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.go = threading.Event()
        self.go.set()
        self.down = False
        self.ears: list[socket.socket] = []


class MemoryLine:
    """A line over a hub."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.ear: socket.socket | None = None
        self.mouth: socket.socket | None = None
        self.rest = b""

    def send(self, text: str) -> None:
        assert self.hub.go.wait(PATIENCE_S)
        if self.hub.down:
            raise ConnectionError("the hub is down")
        self.hub.sent.append(text)
        for ear in self.hub.ears:
            ear.sendall(text.encode() + b"\n")

    def open(self) -> int:
        if self.hub.down:
            raise ConnectionError("the hub is down")
        self.ear, self.mouth = socket.socketpair()
        self.rest = b""
        self.hub.ears.append(self.mouth)
        return self.ear.fileno()

    def receive(self) -> list[str]:
        assert self.ear
        try:
            data = self.ear.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        if not data:
            raise ConnectionError("the hub hung up")
        *texts, self.rest = (self.rest + data).split(b"\n")
        return [text.decode() for text in texts]

    def hang_up(self) -> None:
        for end in (self.ear, self.mouth):
            if end:
                end.close()
        with suppress(ValueError):
            self.hub.ears.remove(self.mouth)  # type: ignore[arg-type]

    def close(self) -> None:
        return


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def make(hub: Hub) -> Iterator[Callable[[], RelayedChanges]]:
    made: list[RelayedChanges] = []

    def make() -> RelayedChanges:
        made.append(RelayedChanges(MemoryLine(hub), name="the hub"))
        return made[-1]

    yield make
    hub.go.set()
    for changes in made:
        changes.close()


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_change_never_waits_for_the_line_and_what_piles_up_goes_together(
    hub: Hub, make: Callable[[], RelayedChanges]
) -> None:
    changes = make()
    hub.go.clear()
    for number in range(100):
        changes.notify(f"run_{number % 7}")  # would wait for ever
    hub.go.set()
    eventually(lambda: {run for text in hub.sent for run in json.loads(text)[1]} == {f"run_{n}" for n in range(7)})
    assert len(hub.sent) <= 2


def test_too_many_runs_for_one_message_become_all_runs(hub: Hub, make: Callable[[], RelayedChanges]) -> None:
    changes = make()
    hub.go.clear()
    for number in range(1000):
        changes.notify(f"run_{number:026}")
    hub.go.set()
    eventually(lambda: any(json.loads(text)[1] is None for text in hub.sent))
    assert all(len(text) <= MOST_BYTES for text in hub.sent)


def test_nothing_is_connected_before_somebody_waits_or_tells(hub: Hub, make: Callable[[], RelayedChanges]) -> None:
    changes = make()
    changes.wait(-1, 0)
    assert not hub.ears
    changes.listen(lambda: None)
    eventually(lambda: hub.ears)


def test_a_line_that_is_down_is_warned_of_once_and_all_look_when_it_is_back(
    hub: Hub, make: Callable[[], RelayedChanges]
) -> None:
    here, there = make(), make()
    hub.down = True
    woken = threading.Event()
    with structlog.testing.capture_logs() as logged:
        end = there.listen(woken.set, "run_a")
        here.notify("run_a")
        for _ in range(50):
            here.notify("run_b")
        eventually(lambda: len(logged) >= 2)
        assert not woken.is_set()
        hub.down = False
        assert woken.wait(PATIENCE_S)
        eventually(lambda: hub.sent)
        eventually(lambda: sum(entry["event"] == "wake_ups_restored" for entry in logged) == 2)
    end()
    assert sum(entry["event"] == "wake_ups_lost" for entry in logged) == 2  # one who sends, one who receives
    assert json.loads(hub.sent[0])[1] is None


@pytest.mark.parametrize(
    "noise", ["", "{", "7", "null", '["x"]', '["x", 7]', '["x", {}]', '["x", [[]]]', '["x", "abc"]']
)
def test_noise_on_the_line_wakes_at_the_most(noise: str, hub: Hub, make: Callable[[], RelayedChanges]) -> None:
    here, there = make(), make()
    woken = threading.Event()
    there.listen(woken.set, "run_a")
    eventually(lambda: hub.ears)
    MemoryLine(hub).send(noise)
    woken.clear()
    here.notify("run_a")
    assert woken.wait(PATIENCE_S)


def test_closing_a_line_that_is_down_ends(hub: Hub, make: Callable[[], RelayedChanges]) -> None:
    changes = make()
    hub.down = True
    changes.listen(lambda: None)
    changes.notify("run_a")
    changes.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tieout-changes")]
