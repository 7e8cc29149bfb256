"""One of two workers does a run; when its lease lapses the other may, and the first is fenced out."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from holdtrue.domain import RunState
from holdtrue.errors import StateConflict
from holdtrue.pipeline import Claim, start_run, submit_run, succeed_run
from holdtrue.store import Store

NOW = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / ".holdtrue") as store:
        yield store


def take(store: Store, claim: Claim) -> bool:
    with store.transaction() as tx:
        return claim.take(tx, "r")


def test_of_two_workers_one_wins(store: Store) -> None:
    one, other = Claim(store=store), Claim(store=store)
    assert take(store, one)
    assert not take(store, other)
    with store.transaction() as tx:
        one.require(tx)
        one.give_back(tx)
    assert take(store, other)


def test_a_lapsed_lease_lets_another_take_over_and_fences_the_first_out(store: Store) -> None:
    one, other = Claim(store=store, seconds=0.05), Claim(store=store, seconds=30)
    with store.transaction() as tx:
        start_run(tx, submit_run(tx, loop="l", reason="", as_of=NOW, run_id="r"), now=NOW, owner=one.owner)
        assert one.take(tx, "r")
    time.sleep(0.1)
    assert take(store, other)
    with pytest.raises(StateConflict, match="no longer held"), store.transaction() as tx:
        one.require(tx)
    with store.transaction() as tx:
        other.require(tx)
        assert succeed_run(tx, tx.runs.read("r"), now=NOW, result={"n": 1}).state is RunState.SUCCEEDED


def test_a_lease_that_is_kept_does_not_lapse(store: Store) -> None:
    one, other = Claim(store=store, seconds=0.15), Claim(store=store)
    assert take(store, one)
    one.keep()
    time.sleep(0.4)
    assert not take(store, other)
    with store.transaction() as tx:
        one.give_back(tx)


def test_a_worker_that_comes_back_under_its_name_goes_on_at_once(store: Store) -> None:
    before, after = Claim(store=store, owner="host:folder"), Claim(store=store, owner="host:folder")
    assert take(store, before)
    assert take(store, after)
    with pytest.raises(StateConflict), store.transaction() as tx:
        before.require(tx)
