from concurrent.futures import Future

import pytest

from holdtrue.pipeline import Due, MemoryCache, Output, spread_steps
from holdtrue.pipeline.runner import find_output


def left() -> int:
    return 1


def right() -> int:
    return 2


def both(left: int, right: int) -> int:
    return left + right


class AtOnce:
    """A place whose steps all end in the same instant; those that are named raise."""

    def __init__(self, *, broken: str) -> None:
        self.broken = broken
        self.keys: dict[str, str] = {}
        self.has_ended = False

    def begin(self, due: Due) -> "Future[Output]":
        self.keys[due.step.name] = due.key
        done: Future[Output] = Future()
        if due.step.name == self.broken:
            done.set_exception(ValueError(f"{due.step.name} breaks"))
        else:
            done.set_result(Output(encoded=7, n_attempts=1))
        return done

    def end(self) -> None:
        self.has_ended = True


@pytest.mark.parametrize("broken", ["left", "right"])
def test_what_ended_with_a_step_that_failed_is_kept(broken: str) -> None:
    place, cache = AtOnce(broken=broken), MemoryCache()
    with pytest.raises(ValueError, match=f"{broken} breaks"):
        spread_steps([left, right, both], inputs={}, cache=cache, place=place)
    whole = "right" if broken == "left" else "left"
    assert find_output(cache, place.keys[whole]) is not None
    assert find_output(cache, place.keys[broken]) is None
    assert "both" not in place.keys
    assert place.has_ended
