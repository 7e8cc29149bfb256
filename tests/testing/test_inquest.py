"""An inquest finds what was lost, doubled or changed: else finding nothing would mean nothing."""

from dataclasses import replace
from datetime import UTC, datetime

from holdtrue.domain import AliasEvent, Prediction, Role, Run, RunState
from holdtrue.testing.client import Receipt
from holdtrue.testing.inquest import Losses, count_losses, judge_charges, judge_runs, tell_losses

NOW = datetime(2024, 3, 1, tzinfo=UTC)


def make_answer(prediction_id: str, *, version: int = 1) -> Prediction:
    return Prediction(
        prediction_id=prediction_id, loop="machines", key=f"key of {prediction_id}", unit="u", time=0.0, features={},
        answer=(0.5, 0.5), decision=None, version=version, role=Role.CHAMPION, fallback=None, probability=1.0,
        traffic_revision=1, schema_version="s", latency_ms=1.0, received_at=0.0,
    )  # fmt: skip


def test_lost_doubled_changed_and_unheard_rows_are_counted() -> None:
    accepted = {name: Receipt(key=f"key of {name}", version=1) for name in ("whole", "lost", "doubled", "changed")}
    logged = [
        make_answer("whole"), make_answer("doubled"), make_answer("doubled"), make_answer("changed", version=2),
        make_answer("unheard"),
    ]  # fmt: skip
    losses = count_losses(accepted, logged, n_labels_lost=3)
    assert losses == Losses(n_lost=1, n_doubled=1, n_changed=1, n_unheard=1, n_labels_lost=3)
    assert len(tell_losses(losses)) == 4
    assert tell_losses(replace(losses, n_lost=0, n_doubled=0, n_changed=0, n_labels_lost=0)) == []


def test_a_version_that_took_charge_twice_is_named() -> None:
    event = AliasEvent(loop="machines", alias="champion", version=2, at=NOW, actor="holdtrue", reason="")
    problems = judge_charges([event, event], [], [])
    assert "v2 was put in charge 2 times." in problems
    assert "The audit tells of other versions in charge than the alias." in problems


def test_a_run_that_hangs_or_brought_two_versions_is_named() -> None:
    hanging = Run(run_id="a", loop="machines", reason="", as_of=NOW, state=RunState.RUNNING)
    twice = replace(hanging, run_id="b", state=RunState.SUCCEEDED)
    assert judge_runs([hanging, twice], {"b": 2}) == ["Run a is still running.", "Run b, succeeded, has 2 versions."]
    assert judge_runs([twice], {"b": 1}) == []
