"""Outputs of small steps are written together, and none of them waits for long or is lost without a word."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdtrue.errors import HoldtrueError
from holdtrue.pipeline import StepCache, run_steps
from holdtrue.pipeline.cache import TOGETHER_SECONDS
from holdtrue.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / ".holdtrue") as store:
        yield store


def read(store: Store, key: str) -> object:
    with store.reading() as tx:
        return tx.cache.get(key)


def test_what_comes_after_a_while_is_written_at_once_and_the_first_counts(store: Store) -> None:
    one, other = StepCache(store), StepCache(store)
    assert one.put("a", {"output": 1}) == {"output": 1}
    assert read(store, "a") == {"output": 1}
    assert other.put("a", {"output": 2}) == {"output": 1}


def test_what_comes_shortly_after_is_seen_at_once_and_written_without_being_asked(store: Store) -> None:
    cache = StepCache(store)
    cache.put("a", {"output": 1})
    cache.put("b", {"output": 2})
    assert cache.get("b") == {"output": 2}
    deadline = time.monotonic() + 20 * TOGETHER_SECONDS + 5
    while read(store, "b") is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_run_that_raises_leaves_what_its_steps_returned(store: Store) -> None:
    def one() -> int:
        return 1

    def two(one: int) -> int:
        return one + 1

    def three(two: int) -> int:
        raise ValueError(two)

    with pytest.raises(ValueError, match="2"):
        run_steps([one, two, three], inputs={}, cache=StepCache(store))
    assert all(record.is_cached for record in run_steps([one, two], inputs={}, cache=StepCache(store)).records)


def test_what_could_not_be_written_in_between_is_said_at_the_end(store: Store) -> None:
    cache = StepCache(store)
    cache.put("a", {"output": 1})
    cache.put("b", {"output": float("inf")})  # the database takes no endless numbers
    with pytest.raises(HoldtrueError):
        cache.flush()
    cache.flush()
