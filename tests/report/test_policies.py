from dataclasses import replace
from datetime import timedelta

from holdtrue.domain import PeriodResult, PolicyResult
from holdtrue.report import draw_calibration, draw_comparisons, draw_policies

from .results import STARTED, make_backtest, make_policy


def test_each_policy_is_drawn_with_its_name_and_colour() -> None:
    svg = draw_policies(make_backtest()).svg()
    for name in ("static", "schedule", "even", "loop"):
        assert f">{name}</text>" in svg
    for color in ("#59636e", "#c98500", "#b8629a", "#0072b2"):
        assert f'stroke="{color}"' in svg


def test_what_the_policies_did_is_drawn_below() -> None:
    svg = draw_policies(make_backtest()).svg()
    for event in ("retrained", "promoted", "rejected"):
        assert f">{event}</text>" in svg
    assert ">stopped</text>" not in svg


def test_months_are_named_on_the_axis() -> None:
    svg = draw_policies(make_backtest()).svg()
    assert all(f">{month}</text>" in svg for month in ("Mar", "Jul", "Dec", "2014"))


def test_a_policy_without_labels_or_intervals_is_still_drawn() -> None:
    bare = replace(make_policy("static"), loss=None, periods=(), decisions=())
    svg = draw_policies(replace(make_backtest(), policies=(bare,))).svg()
    assert "static" in svg


def test_many_periods_are_drawn_with_a_band_and_no_thicket_of_whiskers() -> None:
    week = timedelta(days=7)
    periods = tuple(
        PeriodResult(
            start=STARTED + i * week, end=STARTED + (i + 1) * week, n_rows=9, n_labelled=9,
            loss=0.5, loss_low=0.4, loss_high=0.6,
        )
        for i in range(40)
    )  # fmt: skip
    policies: tuple[PolicyResult, ...] = tuple(replace(make_policy(n), periods=periods) for n in ("static", "loop"))
    drawn = str(draw_policies(replace(make_backtest(), policies=policies)).spec)
    assert "'type': 'area'" in drawn
    assert "'type': 'rule'" not in drawn


def test_comparisons_stand_beside_zero_and_the_margin() -> None:
    chart = draw_comparisons(make_backtest())
    assert chart is not None
    assert ">against static</text>" in chart.svg()
    assert chart.words.startswith("Against static: -0.021.")


def test_a_policy_that_was_not_compared_has_no_comparison() -> None:
    result = make_backtest()
    alone = replace(result, policies=(replace(result.told, versus=()),))
    assert draw_comparisons(alone) is None


def test_calibration_needs_shares() -> None:
    assert draw_calibration(make_backtest()) is not None
    bare = replace(make_policy("loop"), periods=())
    assert draw_calibration(replace(make_backtest(), policies=(bare,))) is None
