"""Calls of many threads as one: each gets its own answer, or its own error."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from store.group import GroupCalls

THREADS = 12


def test_those_who_come_while_one_is_at_work_are_done_together() -> None:
    calls = GroupCalls()
    sets: list[int] = []
    first, go = threading.Event(), threading.Event()

    def doubled(numbers: Sequence[int]) -> list[int]:
        sets.append(len(numbers))
        first.set()
        assert go.wait(60)
        return [2 * number for number in numbers]

    with ThreadPoolExecutor(THREADS) as pool:
        leader = pool.submit(calls.run, doubled, 0)
        assert first.wait(60)
        others = [pool.submit(calls.run, doubled, number) for number in range(1, THREADS)]
        while len(calls._queue) < THREADS:
            assert not leader.done()
        go.set()
        assert [future.result(60) for future in (leader, *others)] == [2 * number for number in range(THREADS)]
    assert sets == [1, THREADS - 1]


def test_an_error_of_the_set_harms_only_whose_it_is() -> None:
    calls = GroupCalls()

    def inverted(numbers: Sequence[int]) -> list[float]:
        return [1 / number for number in numbers]

    def one(number: int) -> float | str:
        barrier.wait()
        try:
            return calls.run(inverted, number)
        except ZeroDivisionError as error:
            return type(error).__name__

    barrier = threading.Barrier(5)
    with ThreadPoolExecutor(5) as pool:
        for _ in range(20):
            assert list(pool.map(one, [1, 0, 2, 0, 4])) == [1, "ZeroDivisionError", 0.5, "ZeroDivisionError", 0.25]


def test_an_error_that_is_an_answer_is_raised_to_whom_it_belongs() -> None:
    calls = GroupCalls()
    with pytest.raises(KeyError):
        calls.run(lambda given: [KeyError(one) for one in given], "a")
    assert calls.run(list, "b") == "b"
