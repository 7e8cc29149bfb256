"""The families that do no more than keep nouns: what goes in comes out, and what must be one stays one."""

import dataclasses
from datetime import timedelta

import pytest
import sqlalchemy as sa

from holdtrue.domain import (
    Alert,
    Belief,
    Cause,
    DatasetRecord,
    Estimate,
    RolloutStatus,
    Ruling,
    Run,
    RunCost,
    RunState,
    StepRecord,
    Task,
    Window,
)
from holdtrue.errors import NotFound, StateConflict, StatisticsError
from holdtrue.store import Store
from holdtrue.store.columns import METADATA

from .samples import DAY, NOW, SCHEMA, crowned, digest, rollout, verdict, version


def test_aliases_point_at_what_they_were_pointed_at_last(store: Store) -> None:
    with store.transaction() as tx:
        for number in (1, 2):
            tx.versions.append(version(number))
        assert tx.aliases.current("flights", "champion") is None
        events = [crowned(1), crowned(2), crowned(1)]
        for event in events:
            tx.aliases.append(event)
        assert tx.aliases.current("flights", "champion") == 1
        assert tx.aliases.current("flights", "other") is None
        assert tx.aliases.history("flights") == events


def test_verdicts_are_found_by_what_they_judged(store: Store) -> None:
    first, second = verdict(1), verdict(2, ruling=Ruling.INCONCLUSIVE)
    with store.transaction() as tx:
        for record in (first, second):
            assert tx.verdicts.append(record) == record
        assert tx.verdicts.for_challenger("flights", version(2).digest) == [second]
        assert tx.verdicts.all("flights") == [first, second]
        with pytest.raises(StateConflict):
            tx.verdicts.append(first)


def test_runs_change_by_compare_and_set(store: Store) -> None:
    run = Run(run_id="r1", loop="flights", reason="schedule", as_of=NOW, parameters={"depth": 3})
    done = dataclasses.replace(
        run,
        state=RunState.SUCCEEDED,
        steps=(StepRecord(name="train", key="k", is_cached=False, output=digest("o"), wall_seconds=1.5),),
        result={"version": 1},
        started_at=NOW,
        ended_at=NOW + DAY,
        cost=RunCost(wall_seconds=2.0, cpu_seconds=1.5, peak_memory_bytes=10**9),
    )
    with store.transaction() as tx:
        assert tx.runs.append(run) == run == tx.runs.read("r1")
        assert tx.runs.update(done, 0) == dataclasses.replace(done, revision=1) == tx.runs.read("r1")
        with pytest.raises(StateConflict, match="runs r1 is at revision 1"):
            tx.runs.update(run, 0)
        with pytest.raises(NotFound):
            tx.runs.update(dataclasses.replace(run, run_id="r2"), 0)
        with pytest.raises(NotFound):
            tx.runs.read("r2")
        assert tx.runs.all("flights") == [dataclasses.replace(done, revision=1)]


def test_the_first_value_in_the_cache_stays(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.cache.get("key") is None
        assert tx.cache.put("key", {"a": [1, 2.5, None]}) == {"a": [1, 2.5, None]}
        assert tx.cache.put("key", "other") == {"a": [1, 2.5, None]} == tx.cache.get("key")
        with pytest.raises(StatisticsError, match=r"k\[1\] is inf"):
            tx.cache.put("k", [1.0, float("inf")])


def test_a_dataset_is_kept_once_in_each_loop(store: Store) -> None:
    record = DatasetRecord(
        digest=digest("rows"),
        loop="flights",
        as_of=NOW,
        n_rows=10,
        n_labelled=8,
        starts_at=NOW - 9 * DAY,
        ends_at=NOW,
        schema=SCHEMA,
        task=Task.MULTICLASS,
        classes=(1, "two", True),
        source="flights.parquet",
    )
    other = dataclasses.replace(record, loop="other")
    with store.transaction() as tx:
        assert tx.datasets.append(record) == record
        assert tx.datasets.append(dataclasses.replace(record, as_of=NOW + DAY)) == record
        assert tx.datasets.append(other) == other
        assert tx.datasets.read("flights", record.digest) == record
        assert tx.datasets.all("flights") == [record]
        with pytest.raises(NotFound):
            tx.datasets.read("flights", digest("no rows"))


def test_a_loop_has_one_active_rollout_and_it_changes_by_compare_and_set(store: Store) -> None:
    with store.transaction() as tx:
        with pytest.raises(NotFound):
            tx.rollouts.append(rollout())
        for number in (1, 2):
            tx.versions.append(version(number))
        assert tx.rollouts.active("flights") is None
        assert tx.rollouts.append(rollout()) == rollout() == tx.rollouts.active("flights") == tx.rollouts.read("r1")
        with pytest.raises(StateConflict):
            tx.rollouts.append(rollout("r2"))
        ended = dataclasses.replace(
            rollout(), status=RolloutStatus.ABORTED, ended_at=NOW + DAY, sentence="It did harm.", exposures={"units": 7}
        )
        assert tx.rollouts.update(ended, 0) == dataclasses.replace(ended, revision=1)
        with pytest.raises(StateConflict):
            tx.rollouts.update(ended, 0)
        assert tx.rollouts.active("flights") is None
        tx.rollouts.append(rollout("r2"))
        assert [each.rollout_id for each in tx.rollouts.all("flights")] == ["r1", "r2"]
        with pytest.raises(NotFound):
            tx.rollouts.read("r3")


def test_an_alert_is_open_once_for_each_cause(store: Store) -> None:
    alert = Alert(
        alert_id="a1",
        loop="flights",
        version=1,
        cause=Cause.RISK,
        sentence="Risk rose.",
        opened_at=NOW,
        evidence={"n": 1},
    )
    again = dataclasses.replace(alert, alert_id="a2")
    with store.transaction() as tx:
        assert tx.alerts.append(alert) == alert
        with pytest.raises(StateConflict):
            tx.alerts.append(again)
        tx.alerts.append(dataclasses.replace(alert, alert_id="a3", cause=Cause.LABELS))
        tx.alerts.close("a1", NOW + DAY)
        tx.alerts.close("a1", NOW + 2 * DAY)
        assert [each.alert_id for each in tx.alerts.open("flights")] == ["a3"]
        tx.alerts.append(again)
        assert tx.alerts.all("flights")[0] == dataclasses.replace(alert, closed_at=NOW + DAY)
        with pytest.raises(NotFound):
            tx.alerts.close("a9", NOW)


def test_windows_are_measured_anew(store: Store) -> None:
    window = Window(loop="flights", version=1, starts_at=NOW, ends_at=NOW + DAY, n_rows=9, n_due=5, n_labelled=0)
    later = dataclasses.replace(window, starts_at=NOW + DAY, ends_at=NOW + 2 * DAY, version=2)
    measured = dataclasses.replace(
        window, n_labelled=5, loss=0.5, loss_low=0.4, loss_high=0.6, metrics={"auc": 0.7, "brier": 0.25}
    )
    with store.transaction() as tx:
        tx.windows.put([later, window])
        tx.windows.put([measured])
        tx.windows.put([])
        assert tx.windows.all("flights") == [measured, later]
        assert tx.windows.all("flights", 2) == tx.windows.all("flights", version=2) == [later]
        with pytest.raises(StatisticsError, match=r"Window\.metrics\.auc is nan"):
            tx.windows.put([dataclasses.replace(window, metrics={"auc": float("nan")})])


def test_beliefs_are_asked_anew(store: Store) -> None:
    belief = Belief(loop="flights", version=1, metric="accuracy", as_of=NOW, n_awaiting=9, awaiting=0.8)
    measured = Estimate(value=0.7, n_rows=40, low=0.6, high=0.8)
    later = dataclasses.replace(belief, as_of=NOW + DAY, measured=measured, believed=0.9, n_needed=700)
    with store.transaction() as tx:
        tx.beliefs.put([belief, dataclasses.replace(belief, metric="log_loss")])
        tx.beliefs.put([later])
        tx.beliefs.put([])
        assert tx.beliefs.read("flights", 1) == [later, dataclasses.replace(belief, metric="log_loss")]
        assert tx.beliefs.read("flights", 2) == []


def test_the_state_of_a_loop_changes_by_compare_and_set(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.states.read("flights") is None
        assert tx.states.write("flights", {"n": 1, "until": None}, None) == 1
        assert tx.states.read("flights") == (1, {"n": 1, "until": None})
        with pytest.raises(StateConflict):
            tx.states.write("flights", {"n": 2}, None)
        assert tx.states.write("flights", {"n": 2}, 1) == 2
        with pytest.raises(StateConflict):
            tx.states.write("flights", {"n": 3}, 1)
        assert tx.states.read("flights") == (2, {"n": 2})


def test_moments_keep_their_microseconds_and_their_order_as_text(store: Store) -> None:
    moments = [NOW + timedelta(microseconds=n) for n in (999_999, 0, 1)]
    with store.transaction() as tx:
        for n, moment in enumerate(moments, start=1):
            tx.runs.append(Run(run_id=str(n), loop="flights", reason="r", as_of=moment))
        assert [run.as_of for run in tx.runs.all("flights")] == moments
        texts = tx.runs._connection.exec_driver_sql("SELECT as_of FROM runs ORDER BY as_of").scalars().all()
    assert texts == [f"2013-09-01T12:00:00.{n:06d}Z" for n in (0, 1, 999_999)]


def test_texts_that_others_chose_are_kept_whole_with_whatever_stands_in_them(store: Store) -> None:
    said = "it printed \x00, \x01, \x01\x02 and \x00\x01"
    run = Run(run_id="r", loop="flights", reason=said, as_of=NOW)
    failed = dataclasses.replace(
        run, state=RunState.FAILED, error=said, parameters={said: said}, lease_owner=said, ended_at=NOW
    )
    alert = Alert(
        alert_id="a", loop="flights", version=1, cause=Cause.RISK, sentence=said, opened_at=NOW, evidence={said: said}
    )
    event = dataclasses.replace(crowned(), actor=said, reason=said)
    with store.transaction() as tx:
        tx.runs.append(run)
        tx.runs.update(failed, 0)
        assert tx.runs.read("r") == dataclasses.replace(failed, revision=1)
        assert tx.alerts.append(alert) == tx.alerts.all("flights")[0]
        for number in (1, 2):
            tx.versions.append(version(number))
        assert [tx.aliases.append(event)] == tx.aliases.history("flights")
        tx.rollouts.append(dataclasses.replace(rollout(), sentence=said))
        assert tx.rollouts.read("r1").sentence == said
        for subject in (said, "r"):
            entry = tx.audit.append(
                loop="flights", at=NOW, actor=said, action=said, subject=subject, sentence=said, detail={said: said}
            )
        assert tx.audit.all("flights")[-1] == entry
        assert tx.audit.verify("flights") is None


def test_only_texts_of_holdtrue_s_own_are_kept_as_plain_text() -> None:
    # PostgreSQL refuses a NUL in those: what others chose would stop the loop for good.
    plain = {
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        for column in table.c
        if type(column.type) is sa.Text and column.name not in ("loop", "digest", "artifact")
    }
    assert plain == {
        "alerts.alert_id", "alerts.cause", "alias_events.alias", "audit.previous", "beliefs.metric", "datasets.task",
        "label_offsets.name", "leases.name", "leases.owner", "releases.release_digest", "releases.signature_hex",
        "rollouts.rollout_id", "rollouts.status", "runs.code", "runs.dataset", "runs.run_id", "runs.state",
        "step_cache.key", "traffic.salt", "traffic.service", "traffic_shares.service", "verdicts.challenger",
        "verdicts.champion", "verdicts.code", "verdicts.evaluation", "verdicts.ruling", "verdicts.stage",
        "verdicts.verdict_id", "versions.format",
    }  # fmt: skip
