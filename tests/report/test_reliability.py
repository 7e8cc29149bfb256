from holdtrue.domain import Finding, ReliabilityBin
from holdtrue.report import draw_reliability, draw_slices

from .comparisons import make_slice


def test_bins_are_drawn_for_each_version_beside_the_diagonal() -> None:
    bins = [ReliabilityBin(n_rows=10, predicted=0.1, actual=0.2), ReliabilityBin(n_rows=10, predicted=0.5, actual=0.4)]
    chart = draw_reliability({"v1": bins, "v2": bins})
    assert chart is not None
    assert "4 bins" in chart.words
    assert "v2" in chart.svg()


def test_numbers_have_no_per_cent() -> None:
    bins = [ReliabilityBin(n_rows=10, predicted=100.0, actual=110.0, low=90.0, high=130.0)] * 2
    chart = draw_reliability({"v1": bins}, is_share=False)
    assert chart is not None
    assert "%<" not in chart.svg()


def test_nothing_to_draw_is_no_chart() -> None:
    assert draw_reliability({"v1": []}) is None
    assert draw_slices([make_slice("a", Finding.NO_DATA)], first="v2", second="v1") is None


def test_slices_say_which_differ() -> None:
    chart = draw_slices([make_slice("a", Finding.WORSE), make_slice("b", Finding.UNDECIDED)], first="v2", second="v1")
    assert chart is not None
    assert chart.words == "a: worse"
    assert "Loss of v2 minus that of v1" in chart.title
