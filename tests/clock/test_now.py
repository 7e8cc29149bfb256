from datetime import UTC, datetime, timedelta

import pytest

from holdtrue.clock import RealClock, ScaledClock, VirtualClock
from holdtrue.errors import DeclarationError

START = datetime(2013, 9, 1, tzinfo=UTC)


def test_a_scaled_clock_runs_as_fast_as_it_says() -> None:
    clock = ScaledClock(START, began_unix=RealClock().now().timestamp() - 2, speed=86_400)
    assert timedelta(days=2) <= clock.now() - START < timedelta(days=2.5)


def test_a_scaled_clock_does_not_go_back_when_the_machine_clock_does() -> None:
    clock = ScaledClock(START, began_unix=RealClock().now().timestamp() + 3600, speed=10)
    assert clock.now() == START


def test_seconds_until_are_real_seconds() -> None:
    clock = ScaledClock(START, began_unix=RealClock().now().timestamp() + 3600, speed=3600)
    assert clock.seconds_until(START + timedelta(hours=2)) == pytest.approx(2)


def test_a_virtual_clock_refuses_to_go_back() -> None:
    clock = VirtualClock(START)
    clock.move_to(START + timedelta(days=1))
    with pytest.raises(DeclarationError, match="cannot go back"):
        clock.move_to(START)


@pytest.mark.parametrize(
    "make",
    [lambda: VirtualClock(datetime(2013, 1, 1)), lambda: ScaledClock(datetime(2013, 1, 1), began_unix=0, speed=1)],
)
def test_a_naive_start_is_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DeclarationError):
        make()
