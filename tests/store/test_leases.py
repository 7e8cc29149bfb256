import pytest
import sqlalchemy as sa

from holdtrue.errors import DeclarationError, StateConflict
from holdtrue.store import Store


def test_a_held_lease_is_given_to_nobody_else(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.leases.acquire("control", "a", 60) == 1
        assert tx.leases.acquire("control", "b", 60) is None
        assert tx.leases.acquire("other", "b", 60) == 1


def test_an_expired_lease_goes_on_with_a_higher_token_that_fences_the_former_holder_out(store: Store) -> None:
    with store.transaction() as tx:
        old = tx.leases.acquire("control", "a", -1)
        new = tx.leases.acquire("control", "b", 60)
        assert (old, new) == (1, 2)
        assert not tx.leases.renew("control", token=1, seconds=60)
        assert not tx.leases.release("control", token=1)
        with pytest.raises(StateConflict, match="no longer held"):
            tx.leases.require("control", token=1)
        tx.leases.require("control", token=2)


def test_a_clock_that_was_set_back_a_day_frees_what_was_leased_before(store: Store) -> None:
    with store.transaction() as tx:
        tx.leases.acquire("control", "a", 60)
        # What a lease that was granted a day ahead of the clock of now looks like.
        tx.leases._connection.execute(sa.text("update leases set expires_unix = expires_unix + 86400"))
        assert tx.leases.acquire("control", "b", 60) == 2
        with pytest.raises(StateConflict):
            tx.leases.require("control", token=1)


def test_a_clock_that_leaps_forward_lets_the_first_who_asks_go_on(store: Store) -> None:
    with store.transaction() as tx:
        tx.leases.acquire("control", "a", 60)
        tx.leases._connection.execute(sa.text("update leases set expires_unix = expires_unix - 86400"))
        assert not tx.leases.renew("control", token=1, seconds=60)
        assert tx.leases.acquire("control", "a", 60) == 2
        assert tx.leases.acquire("control", "b", 60) is None


def test_a_lease_for_longer_than_an_hour_is_refused(store: Store) -> None:
    with pytest.raises(DeclarationError, match="4000 s"), store.transaction() as tx:
        tx.leases.acquire("control", "a", 4000)


def test_a_restarted_owner_fences_out_its_former_self(store: Store) -> None:
    with store.transaction() as tx:
        assert [tx.leases.acquire("control", "a", 60) for _ in range(2)] == [1, 2]
        with pytest.raises(StateConflict):
            tx.leases.require("control", token=1)


def test_a_released_lease_is_free_and_its_tokens_go_on_rising(store: Store) -> None:
    with store.transaction() as tx:
        tx.leases.acquire("control", "a", 60)
        assert tx.leases.release("control", token=1)
        assert not tx.leases.release("control", token=1)
        assert tx.leases.acquire("control", "b", 60) == 2


def test_renewing_keeps_a_lease_and_an_expired_one_is_lost(store: Store) -> None:
    with store.transaction() as tx:
        tx.leases.acquire("control", "a", 60)
        assert tx.leases.renew("control", token=1, seconds=-1)
        assert not tx.leases.renew("control", token=1, seconds=60)
