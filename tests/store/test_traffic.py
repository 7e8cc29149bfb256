import dataclasses
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdtrue.domain import Ruling, Traffic, VerdictStage
from holdtrue.errors import NotFound, PromotionRefused, StateConflict, StoreFailed
from holdtrue.store import Store, Transaction

from .samples import DAY, NOW, crowned, traffic, verdict, version


def enthrone(tx: Transaction, *, loop: str = "flights") -> Traffic:
    """Put a proven v1 in charge, with an unproven v2 beside it."""
    for number in (1, 2):
        tx.versions.append(version(number, loop=loop))
    tx.verdicts.append(verdict(1, loop=loop))
    tx.aliases.append(crowned(1, loop=loop))
    return tx.traffic.write(traffic(1, loop=loop), None)


def test_traffic_comes_back_as_it_was_written(store: Store) -> None:
    with store.transaction() as tx:
        enthrone(tx)
        tx.verdicts.append(verdict(2))
        wanted = traffic(1, 2, 0.05, is_shadowed=True)
        assert tx.traffic.write(wanted, 1) == dataclasses.replace(wanted, revision=2)
    with store.reading() as tx:
        assert tx.traffic.read("main", "flights") == dataclasses.replace(wanted, revision=2)
        assert tx.traffic.all("main") == [dataclasses.replace(wanted, revision=2)]
        assert tx.traffic.read("other", "flights") is None
        assert tx.traffic.all("other") == []


def test_only_the_expected_revision_is_changed(store: Store) -> None:
    with store.transaction() as tx:
        enthrone(tx)
        with pytest.raises(StateConflict, match="at revision 1"):
            tx.traffic.write(traffic(1), 7)
        with pytest.raises(StateConflict):
            tx.traffic.write(traffic(1), None)
        with pytest.raises(NotFound):
            tx.traffic.write(traffic(1, loop="other"), 1)


def test_an_unjudged_version_is_refused_and_nothing_has_changed(store: Store) -> None:
    with store.transaction() as tx:
        before = enthrone(tx)
        with pytest.raises(PromotionRefused, match="no passed, unexpired verdict"):
            tx.traffic.write(traffic(1, 2, 0.05), 1)
        with pytest.raises(PromotionRefused):
            tx.traffic.write(traffic(2), 1)
        assert tx.traffic.read("main", "flights") == before
    with store.reading() as tx:
        assert tx.traffic.read("main", "flights") == before


def test_a_shadow_needs_no_verdict(store: Store) -> None:
    with store.transaction() as tx:
        enthrone(tx)
        tx.traffic.write(traffic(1, 2, 0.0, is_shadowed=True), 1)


@pytest.mark.parametrize(
    ("stage", "ruling", "is_allowed"),
    [
        (VerdictStage.GATE, Ruling.PASSED, True),
        (VerdictStage.REFIT, Ruling.PASSED, True),
        (VerdictStage.SHADOW, Ruling.PASSED, False),
        (VerdictStage.CANARY, Ruling.PASSED, False),
        (VerdictStage.GATE, Ruling.FAILED, False),
        (VerdictStage.GATE, Ruling.INCONCLUSIVE, False),
        (VerdictStage.GATE, Ruling.ERROR, False),
    ],
)
def test_only_a_passed_gate_or_refit_lets_a_new_version_rise(
    store: Store, stage: VerdictStage, ruling: Ruling, is_allowed: bool
) -> None:
    with store.transaction() as tx:
        enthrone(tx)
        tx.verdicts.append(verdict(2, stage=stage, ruling=ruling))
        if is_allowed:
            tx.traffic.write(traffic(1, 2, 0.05), 1)
        else:
            with pytest.raises(PromotionRefused):
                tx.traffic.write(traffic(1, 2, 0.05), 1)


def test_an_expired_verdict_lets_nothing_rise_and_lowers_nothing(store: Store) -> None:
    with store.transaction() as tx:
        enthrone(tx)
        tx.verdicts.append(verdict(2, expires_at=NOW + DAY))
        tx.traffic.write(traffic(1, 2, 0.25), 1)
        with pytest.raises(PromotionRefused):
            tx.traffic.write(traffic(1, 2, 0.5, decided_at=NOW + DAY), 2)
        assert tx.traffic.write(traffic(1, 2, 0.25, decided_at=NOW + 2 * DAY), 2).challenger_share == 0.25
        assert tx.traffic.write(traffic(1, 2, 0.1, decided_at=NOW + 2 * DAY), 3).challenger_share == 0.1


def test_the_verdict_of_another_loop_or_version_proves_nothing(store: Store) -> None:
    with store.transaction() as tx:
        enthrone(tx)
        tx.verdicts.append(verdict(3))
        other = dataclasses.replace(verdict(2), loop="other", verdict_id="other")
        tx.verdicts.append(other)
        with pytest.raises(PromotionRefused):
            tx.traffic.write(traffic(1, 2, 0.05), 1)


def test_a_former_champion_comes_back_although_its_verdict_has_expired(store: Store) -> None:
    much_later = NOW + 400 * DAY
    with store.transaction() as tx:
        enthrone(tx)
        tx.verdicts.append(verdict(2))
        tx.aliases.append(crowned(2))
        tx.traffic.write(traffic(2), 1)
        assert tx.traffic.write(traffic(1, decided_at=much_later), 2).champion == 1


def test_a_former_champion_without_any_passed_verdict_stays_away(store: Store) -> None:
    with store.transaction() as tx:
        enthrone(tx)
        tx.aliases.append(crowned(2))
        with pytest.raises(PromotionRefused):
            tx.traffic.write(traffic(2), 1)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO traffic_shares VALUES ('main', 'flights', 2, 0.01)",
        "INSERT OR REPLACE INTO traffic_shares VALUES ('main', 'flights', 2, 1.0)",
        "INSERT OR IGNORE INTO traffic_shares VALUES ('main', 'flights', 2, 1.0)",
        "UPDATE traffic_shares SET version = 2",
        "UPDATE OR REPLACE traffic_shares SET version = 2, share = 0.5",
        "UPDATE verdicts SET challenger = (SELECT digest FROM versions WHERE number = 2)",
        "UPDATE versions SET digest = (SELECT challenger FROM verdicts) WHERE number = 2",
        "INSERT OR REPLACE INTO verdicts SELECT sequence, 'new', loop, stage, 'x', champion, evaluation, code, ruling, "
        "verdicts, decided_at, expires_at FROM verdicts",
        "INSERT OR REPLACE INTO alias_events SELECT sequence, loop, alias, 2, at, actor, reason FROM alias_events",
        "INSERT OR REPLACE INTO versions SELECT loop, 3, digest, artifact, format, signature, lineage, loss, metrics, "
        "created_at, slices FROM versions",
        "INSERT OR REPLACE INTO versions SELECT loop, 1, digest || '', artifact, format, signature, lineage, loss, "
        "metrics, created_at, slices FROM versions WHERE number = 2",
        "DELETE FROM verdicts",
    ],
)
def test_hostile_sql_does_not_get_past_the_triggers(sqlite_store: Store, statement: str) -> None:
    with sqlite_store.transaction() as tx:
        before = enthrone(tx)
    with sqlite3.connect(sqlite_store.folder / "holdtrue.db") as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()
    with sqlite_store.reading() as tx:
        assert tx.traffic.read("main", "flights") == before


def test_a_traffic_row_that_contradicts_its_guarded_shares_is_not_served(sqlite_store: Store) -> None:
    with sqlite_store.transaction() as tx:
        enthrone(tx)
    with sqlite3.connect(sqlite_store.folder / "holdtrue.db") as connection:
        connection.execute("UPDATE traffic SET champion = 2")
    connection.close()
    with sqlite_store.reading() as tx, pytest.raises(StoreFailed, match="guarded shares"):
        tx.traffic.read("main", "flights")


class Undone(Exception):
    """Ends an example without keeping it."""


MOVES = st.one_of(
    st.tuples(
        st.just("judge"),
        st.integers(1, 3),
        st.sampled_from(VerdictStage),
        st.sampled_from(Ruling),
        st.integers(-3, 3),
    ),
    st.tuples(st.just("crown"), st.integers(1, 3)),
    st.tuples(
        st.just("write"),
        st.integers(1, 3),
        st.sampled_from([None, 1, 2, 3]),
        st.sampled_from([0.0, 0.05, 0.25, 0.5, 1.0]),
        st.integers(-3, 3),
    ),
)


class Model:
    """What the guard promises, said again in Python."""

    def __init__(self) -> None:
        self.shares: dict[int, float] = {}
        self.crowned: set[int] = set()
        self.passed: list[tuple[int, VerdictStage, int]] = []

    def allows(self, wanted: Traffic, day: int) -> bool:
        rising = [number for number, share in wanted.shares.items() if share > self.shares.get(number, 0.0)]
        return all(self._has_proof(number, day) for number in rising)

    def _has_proof(self, number: int, day: int) -> bool:
        proofs = [(stage, end) for judged, stage, end in self.passed if judged == number]
        if number in self.crowned and proofs:
            return True
        return any(stage in (VerdictStage.GATE, VerdictStage.REFIT) and end > day for stage, end in proofs)


def play(tx: Transaction, moves: list[tuple[object, ...]]) -> None:
    model, revision = Model(), None
    for n, (verb, number, *terms) in enumerate(moves):
        assert isinstance(number, int)
        if verb == "judge":
            stage, ruling, day = terms
            tx.verdicts.append(verdict(number, stage=stage, ruling=ruling, expires_at=NOW + day * DAY, name=str(n)))
            model.passed += [(number, stage, day)] if ruling is Ruling.PASSED else []
        elif verb == "crown":
            tx.aliases.append(crowned(number))
            model.crowned.add(number)
        else:
            challenger, share, day = terms
            challenger = None if challenger == number else challenger
            wanted = traffic(number, challenger, share if challenger else 0.0, decided_at=NOW + day * DAY)
            if model.allows(wanted, day):
                revision = tx.traffic.write(wanted, revision).revision
                model.shares = wanted.shares
            else:
                with pytest.raises(PromotionRefused):
                    tx.traffic.write(wanted, revision)
        kept = tx.traffic.read("main", "flights")
        assert (kept.shares if kept else {}) == model.shares


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(MOVES, min_size=5, max_size=30))
def test_whatever_is_called_in_whatever_order_only_proven_versions_rise(
    sqlite_store: Store, moves: list[tuple[object, ...]]
) -> None:
    def play_and_undo() -> None:
        with sqlite_store.transaction() as tx:
            for number in (1, 2, 3):
                tx.versions.append(version(number))
            play(tx, moves)
            raise Undone

    with pytest.raises(Undone):
        play_and_undo()
