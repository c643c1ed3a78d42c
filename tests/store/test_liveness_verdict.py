"""When a missing lock means death, on a clock that moves when told."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from store.liveness_verdict import CONFIRM_S, LONG_SILENT_S, PATIENCE_S, Look, Verdict
from tieout.model import SignOfLife

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LONG_UP = 1e6


class Sight:
    """A verdict with its clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.verdict = Verdict(clock=lambda: self.now)

    def alive(self, *, server_up_s: float = LONG_UP, beat: int = 0, **given: object) -> bool:
        values: dict[str, object] = {"locked": False, "liveness": SignOfLife.LOCK, "silent_s": 1.0, **given}
        look = Look("other", seen_at=NOON + timedelta(seconds=beat), **values)  # type: ignore[arg-type]
        return bool(self.verdict.living([look], server_up_s=server_up_s))


def test_a_lock_that_is_there_is_life_however_long_the_process_is_silent() -> None:
    assert Sight().alive(locked=True, silent_s=1e6)


def test_a_missing_lock_counts_only_when_it_was_missing_before() -> None:
    sight = Sight()
    assert sight.alive()
    sight.now += CONFIRM_S / 2
    assert sight.alive()
    sight.now += CONFIRM_S + 0.01
    assert not sight.alive()


def test_the_dead_stay_dead() -> None:
    sight = Sight()
    sight.alive()
    for _ in range(3):
        sight.now += CONFIRM_S + 0.01
        assert not sight.alive()


def test_a_beat_between_two_looks_is_life() -> None:
    sight = Sight()
    for beat in range(5):
        assert sight.alive(beat=beat)
        sight.now += 1


def test_a_lock_that_came_back_makes_the_next_loss_begin_anew() -> None:
    sight = Sight()
    sight.alive()
    sight.now += CONFIRM_S + 0.01
    assert sight.alive(locked=True)
    sight.now += CONFIRM_S + 0.01
    assert sight.alive()


def test_who_is_long_silent_and_has_no_lock_is_dead_at_the_first_look() -> None:
    assert not Sight().alive(silent_s=LONG_SILENT_S)


def test_who_said_goodbye_is_dead_whatever_else_is_seen() -> None:
    for how in SignOfLife:
        assert not Sight().alive(liveness=how, stopped=True)


def test_leases_and_unknown_owners_are_never_called_dead() -> None:
    sight = Sight()
    for how in (SignOfLife.LEASE, SignOfLife.FILE, None):
        for _ in range(3):
            assert sight.alive(liveness=how, silent_s=1e6)
            sight.now += 60


def test_after_a_start_of_the_server_everybody_gets_time_to_come_back() -> None:
    sight = Sight()
    up = 0.0
    while up < PATIENCE_S - 0.5:
        assert sight.alive(server_up_s=up, silent_s=60 + up)
        up += 0.5
        sight.now += 0.5
    sight.now += 0.5
    assert not sight.alive(server_up_s=PATIENCE_S + 0.01)


def test_after_the_own_session_was_cut_nobody_is_dead_for_a_while() -> None:
    sight = Sight()
    sight.alive()
    sight.now += CONFIRM_S + 0.01
    sight.verdict.trouble()
    assert sight.alive()
    sight.now += PATIENCE_S - 0.01
    assert sight.alive()
    sight.now += 0.02
    assert not sight.alive()


def test_asking_about_one_does_not_forget_another() -> None:
    now = 0.0
    verdict = Verdict(clock=lambda: now)
    one, two = (Look(name, locked=False, liveness=SignOfLife.LOCK, seen_at=NOON) for name in ("one", "two"))
    verdict.living([one], server_up_s=LONG_UP)
    verdict.living([two], server_up_s=LONG_UP)
    now = CONFIRM_S + 0.01
    assert verdict.living([one], server_up_s=LONG_UP) == frozenset()


@given(st.lists(st.tuples(st.floats(0.01, 2.0), st.booleans(), st.booleans()), max_size=40))
def test_a_process_that_beats_or_locks_at_each_other_look_is_never_dead(steps: list[tuple[float, bool, bool]]) -> None:
    """What a living process does after any cut: it locks and beats before the time to confirm is over."""
    sight = Sight()
    for beat, (pause, locked, cut) in enumerate(steps):
        assert sight.alive(locked=locked, beat=beat)
        sight.now += pause
        if cut:
            sight.verdict.trouble()


@given(st.floats(0.0, 0.5), st.floats(CONFIRM_S + 0.01, 0.5))
def test_a_killed_process_is_dead_within_two_looks_of_a_sweeper(first: float, between: float) -> None:
    sight = Sight()
    sight.now += first
    assert sight.alive()
    sight.now += between
    assert not sight.alive()
