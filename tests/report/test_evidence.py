from dataclasses import replace

from holdtrue.report import draw_rollout

from .views import BEGAN, DAY, make_rollout_view


def test_a_rollout_shows_its_difference_its_margin_and_its_share() -> None:
    chart = draw_rollout(make_rollout_view(), until=BEGAN + 28 * DAY)
    assert chart is not None
    svg = chart.svg()
    assert ">margin</text>" in svg
    assert ">Share of units that the challenger answers</text>" in svg
    assert chart.title.startswith("v5 against v4")
    assert "3,600 rows" in chart.words


def test_a_rollout_without_evidence_is_not_drawn() -> None:
    assert draw_rollout(replace(make_rollout_view(), evidence=())) is None


def test_a_rollout_with_one_open_point_is_drawn() -> None:
    view = make_rollout_view()
    first = replace(view.evidence[0], low=None, high=None)
    chart = draw_rollout(replace(view, evidence=(first,), shares=()), until=BEGAN + 25 * DAY)
    assert chart is not None
    assert chart.svg().startswith("<svg")
