from datetime import UTC, datetime

import msgspec
import pytest

from holdtrue.domain import (
    BacktestResult,
    Decision,
    DecisionKind,
    PeriodResult,
    PolicyResult,
    Value,
    encode_canonically,
)

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2013, 2, 1, tzinfo=UTC)


def make_result() -> BacktestResult:
    period = PeriodResult(start=JANUARY, end=FEBRUARY, n_rows=10, n_labelled=9, loss=0.5, metrics={"auc": 0.7})
    decision = Decision(at=JANUARY, action=DecisionKind.PROMOTED, version=1, sentence="v1 passed.")
    policy = PolicyResult(
        policy="loop",
        n_rows=10,
        n_labelled=9,
        loss=0.5,
        loss_low=0.4,
        loss_high=0.6,
        loss_name="log_loss",
        metrics={"auc": 0.7},
        value=Value(amount=12.0, unit="EUR"),
        periods=(period,),
        decisions=(decision,),
    )
    return BacktestResult(
        loop="flu", policies=(policy,), margin=0.01, baseline_loss=0.6, started_at=JANUARY, ended_at=FEBRUARY
    )


def test_a_backtest_has_the_promised_json_keys() -> None:
    told = msgspec.json.decode(encode_canonically(make_result()))
    policy = told["policies"][0]
    promised = {
        "policy", "n_rows", "n_labelled", "loss", "loss_low", "loss_high", "loss_name", "metrics",
        "n_retrains", "n_promotions", "n_rejected", "value", "periods",
    }  # fmt: skip
    assert told["loop"] == "flu"
    assert promised <= set(policy)
    assert set(policy["value"]) == {"amount", "unit", "low", "high"}
    assert {"start", "end", "n_rows", "n_labelled", "loss", "metrics"} <= set(policy["periods"][0])


def test_a_backtest_comes_back_from_its_own_json() -> None:
    result = make_result()
    assert msgspec.json.decode(encode_canonically(result), type=BacktestResult) == result


def test_a_policy_is_found_by_its_name() -> None:
    assert make_result().policy("loop").policy == "loop"
    with pytest.raises(KeyError):
        make_result().policy("static")
