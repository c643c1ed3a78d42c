"""Which hints are sent, and when again."""

from pipelines.engine.dispatcher import Dispatcher
from tieout.ports import ReadyStep

A, B = ReadyStep("a", "run", "desk"), ReadyStep("b", "run", "desk")


class Watch:
    """A clock that moves when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_ready_step_is_hinted_once() -> None:
    sent: list[str] = []
    dispatcher = Dispatcher(sent.extend, clock=Watch())
    for ready in ([A], [A, B], [A, B], []):
        dispatcher.dispatch(ready, idle=lambda: False)
    assert sent == ["a", "b"]


def test_a_step_that_is_ready_again_is_hinted_again() -> None:
    sent: list[str] = []
    dispatcher = Dispatcher(sent.extend, clock=Watch())
    for ready in ([A], [], [A]):
        dispatcher.dispatch(ready, idle=lambda: False)
    assert sent == ["a", "a"]


def test_an_old_hint_is_sent_again_at_growing_intervals() -> None:
    watch, sent = Watch(), []
    dispatcher = Dispatcher(lambda step_ids: sent.extend(watch.now for _ in step_ids), clock=watch)
    for second in range(120):
        watch.now = float(second)
        dispatcher.dispatch([A], idle=lambda: False)
    assert sent == [0, 2, 6, 14, 30, 60, 90]


def test_what_nobody_has_while_workers_are_idle_is_lost_and_sent_at_once() -> None:
    watch, sent = Watch(), []
    dispatcher = Dispatcher(lambda step_ids: sent.extend(watch.now for _ in step_ids), clock=watch)
    for tenth in range(10):
        watch.now = tenth / 10
        dispatcher.dispatch([A], idle=lambda: True)
    assert sent == [0, 0.3, 0.6, 0.9]


def test_a_dispatcher_that_forgot_sends_again() -> None:
    sent: list[str] = []
    dispatcher = Dispatcher(sent.extend, clock=Watch())
    dispatcher.dispatch([A], idle=lambda: False)
    dispatcher.forget()
    dispatcher.dispatch([A], idle=lambda: False)
    assert sent == ["a", "a"]
