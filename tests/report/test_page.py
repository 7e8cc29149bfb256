import re
from importlib.resources import files

from holdtrue.report import Figures, Section, read_style, render_backtest, render_report
from holdtrue.report.palette import INKS

from .results import make_backtest


def test_a_report_is_one_file_that_fetches_and_runs_nothing() -> None:
    html = render_backtest(make_backtest())
    assert "<script" not in html
    assert not re.search(r'(src|href)="', html.replace("xlink:href", ""))
    assert "url(http" not in html
    assert "default-src 'none'" in html


def test_a_report_of_a_backtest_holds_answer_charts_and_figures() -> None:
    html = render_backtest(make_backtest())
    for text in (
        "What late-flights would have been worth",
        "loop lost 0.511 a flight",
        "Month by month",
        "2,813 rows had no label",
        "Predicted share",
        "110,000 USD",
    ):
        assert text in html
    assert html.count("<svg") == 2 * 3


def test_equal_results_give_equal_bytes() -> None:
    assert render_backtest(make_backtest()) == render_backtest(make_backtest())


def test_words_of_the_user_are_escaped_in_a_report() -> None:
    attack = "<img src=x onerror=alert(1)>"
    table = Figures(attack, (attack,), ((attack,),))
    html = render_report(attack, [Section(heading=attack, sentences=(attack,), tables=(table,))], lede=attack)
    assert "<img" not in html
    assert html.count("&lt;img") == 8


def test_numbers_stand_to_the_right_and_nothing_is_a_dash() -> None:
    html = render_report("t", [Section(heading="h", tables=(Figures("c", ("A", "B"), (("x", 1234), ("y", None))),))])
    assert '<td class="number">1,234</td>' in html
    assert '<td class="number">–</td>' in html


def test_pages_and_charts_share_their_colours() -> None:
    style = read_style()
    for ink in INKS:
        assert ink.light in style
        assert ink.dark in style


def test_the_style_comes_with_the_package() -> None:
    assert files("holdtrue.report").joinpath("style.css").is_file()
