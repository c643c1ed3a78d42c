"""Who carries out, who writes, and what is written together: the threads of one process."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from tests.support.run_store import SINGLE
from tieout.errors import StorageFull
from tieout.model import Run, RunRequest, RunState, Step, StepState
from tieout.ports import Claimed, StepOutcome
from tieout.step_context import Execution
from tieout.turns import Posted, Turns

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PATIENCE_S = 60.0
RUN = Run("run", "desk", "ann", RunRequest("why?"), SINGLE, RunState.RUNNING, NOW, NOW)


def execution(step_id: str) -> Execution:
    step = Step(step_id, "run", "desk", step_id, "work", {}, StepState.RUNNING, 0, 1, 1, 1, 60.0)
    return Execution(Claimed(step, RUN, 1, {}))


class Book:
    """A state of record that claims whatever it is asked for, once, and notes its writes."""

    def __init__(self, *hinted: str) -> None:
        self.hinted = deque(hinted)
        self.writes: list[tuple[list[str], list[str]]] = []
        self.claimed: set[str] = set()
        self.done: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self._writing = threading.Lock()

    def take(self, most: int) -> list[str]:
        taken = []
        try:
            while len(taken) < most:
                taken.append(self.hinted.popleft())
        except IndexError:
            pass
        return taken

    def write(self, posted: Sequence[Posted], wanted: Sequence[str]) -> list[Execution]:
        assert self._writing.acquire(blocking=False), "two write at once"
        try:
            self.meanwhile()
            self.writes.append(([one.claimed.step.id for one, _ in posted], list(wanted)))
            self.done += self.writes[-1][0]
            fresh = [step_id for step_id in dict.fromkeys(wanted) if step_id not in self.claimed]
            self.claimed.update(fresh)
            return [execution(step_id) for step_id in fresh]
        finally:
            self._writing.release()


def work(turns: Turns, book: Book, act: Callable[[str], None] = lambda step_id: None) -> list[str]:
    """Do what a worker's thread does; return the steps that it carried out."""
    did = []
    while (one := turns.next(book.take, book.write)) is not None:
        one.begin()
        act(one.claimed.step.id)
        one.end()
        did.append(one.claimed.step.id)
        turns.took(one.took)
        turns.post(one, StepOutcome({}))
    return did


def quick() -> Turns:
    """Return turns that have learnt that steps are quick."""
    turns = Turns()
    for _ in range(1000):
        turns.took(0.0)
    return turns


def test_one_thread_goes_from_step_to_step_and_each_is_one_write() -> None:
    turns, book = Turns(), Book("b", "c")
    turns.want("a")
    assert work(turns, book, lambda step_id: time.sleep(0.02)) == ["a", "b", "c"]
    assert book.writes == [([], ["a"]), (["a"], ["b"]), (["b"], ["c"]), (["c"], [])]


def test_while_steps_are_slow_none_is_claimed_ahead() -> None:
    turns, book = Turns(), Book(*map(str, range(20)))
    for _ in range(1000):
        turns.took(1.0)
    turns.next(book.take, book.write)
    assert len(book.claimed) == 1


def test_while_steps_are_quick_some_are_claimed_ahead_of_the_threads() -> None:
    turns, book = quick(), Book(*map(str, range(100)))
    turns.next(book.take, book.write)
    assert 1 < len(book.claimed) <= 32


def test_the_first_slow_steps_end_the_claims_ahead() -> None:
    turns, book = quick(), Book(*map(str, range(100)))
    turns.took(1.0)
    turns.next(book.take, book.write)
    assert len(book.claimed) == 1


def test_what_is_posted_and_wanted_during_a_write_is_one_write_after_it() -> None:
    turns, book = Turns(), Book(*map(str, range(1, 8)))
    first, go = threading.Event(), threading.Event()

    def hold() -> None:
        first.set()
        assert go.wait(PATIENCE_S)

    threads = [threading.Thread(target=work, args=(turns, book), daemon=True) for _ in range(8)]
    book.meanwhile = hold
    turns.want("0")
    threads[0].start()
    assert first.wait(PATIENCE_S)
    book.meanwhile = lambda: None
    for thread in threads[1:]:
        thread.start()
    while turns._waiting < 7:
        time.sleep(0.001)
    go.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(book.done) == sorted(map(str, range(8)))
    assert max(len(wanted) for _, wanted in book.writes) >= 6  # for all who wait, in one


def test_a_thread_leaves_nothing_unwritten_behind() -> None:
    turns, book = Turns(), Book()
    turns.want("only")
    one = turns.next(book.take, book.write)
    assert one is not None
    turns.post(one, StepOutcome({}))
    assert turns.next(book.take, book.write) is None
    assert book.done == ["only"]


def test_a_write_that_fails_is_told_to_its_thread_and_the_others_go_on() -> None:
    turns, book = Turns(), Book("b")
    turns.want("a")
    one = turns.next(book.take, book.write)
    assert one is not None
    turns.post(one, StepOutcome({}))

    def fail() -> None:
        raise StorageFull("no room")

    book.meanwhile = fail
    with pytest.raises(StorageFull):
        turns.next(book.take, book.write)
    book.meanwhile = lambda: None
    turns.want("c")
    assert work(turns, book) == ["c"]


def test_an_interrupt_in_a_write_leaves_the_results_to_the_next() -> None:
    turns, book = Turns(), Book()
    turns.want("a")
    one = turns.next(book.take, book.write)
    assert one is not None
    turns.post(one, StepOutcome({}))

    def interrupt() -> None:
        raise KeyboardInterrupt

    book.meanwhile = interrupt
    with pytest.raises(KeyboardInterrupt):
        turns.next(book.take, book.write)
    book.meanwhile = lambda: None
    assert work(turns, book) == []
    assert book.done == ["a"]


def test_what_was_claimed_ahead_and_waits_too_long_is_taken_back() -> None:
    turns, book = quick(), Book(*map(str, range(10)))
    turns.next(book.take, book.write)
    assert turns.not_begun(after_s=60.0) == []
    taken = turns.not_begun(after_s=0.0)
    assert {one.claimed.step.id for one in taken} == set(map(str, range(1, 10)))
    assert turns.not_begun(after_s=0.0) == []


@pytest.mark.parametrize("seed", range(8))
def test_many_threads_carry_out_each_step_once_and_write_each_result_once(seed: int) -> None:
    chance = random.Random(seed)
    pauses = {str(number): chance.choice([0.0, 0.0, 0.0, 0.0002, 0.002]) for number in range(600)}
    turns, book = (quick() if seed % 2 else Turns()), Book(*pauses)
    book.meanwhile = lambda: time.sleep(chance.choice([0.0, 0.001, 0.003]))
    did: list[str] = []

    def go() -> None:
        for _ in range(20):  # as the engine's threads come back at each hint
            did.extend(work(turns, book, lambda step_id: time.sleep(pauses[step_id])))

    threads = [threading.Thread(target=go, daemon=True) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "a thread waits for ever"
    assert sorted(did) == sorted(book.done) == sorted(pauses)
    assert turns.not_begun(after_s=0.0) == []
