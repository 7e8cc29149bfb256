from dataclasses import replace

import pytest

from holdtrue.domain import Finding, Measured
from holdtrue.report import render_versions, tabulate_versions, tell_slices, tell_versions

from .comparisons import SEEN, make_comparison, make_empty


@pytest.mark.parametrize(
    ("low", "high", "finding", "said"),
    [
        (-0.03, -0.01, Finding.BETTER, "v3 is better than v2: its log-loss is between 0.010 and 0.030 lower"),
        (0.01, 0.03, Finding.WORSE, "v3 is worse than v2: its log-loss is between 0.010 and 0.030 higher"),
        (-0.01, 0.03, Finding.UNDECIDED, "the log-loss of v3 is between 0.010 lower and 0.030 higher"),
    ],
)
def test_the_answer_says_better_worse_or_that_it_cannot_be_told(low, high, finding, said) -> None:
    assert said in tell_versions(make_comparison(low, high, finding), seen_until=SEEN)


def test_without_rows_that_neither_has_seen_nothing_is_claimed() -> None:
    assert "no labelled row is later than 1 Sep 2013" in tell_versions(make_empty(), seen_until=SEEN)


def test_scarce_rows_are_said_and_not_compared() -> None:
    found = make_comparison(-0.03, -0.01, Finding.NO_DATA)
    assert "Not enough data: x." in tell_versions(found, seen_until=SEEN, scarcity="Not enough data: x.")


def test_the_table_holds_both_with_intervals_and_leaves_out_what_nobody_has() -> None:
    table = tabulate_versions(make_comparison(-0.03, -0.01, Finding.BETTER))
    rows = {row[0]: row[1:] for row in table.rows}
    assert table.header == ("", "v3", "v2 (in charge)", "Difference")
    assert rows["Mean log-loss"] == ("0.500 (0.450 to 0.550)", "0.520 (0.470 to 0.570)", "-0.020 (-0.030 to -0.010)")
    assert rows["Size of the model"][0] == "422 kB"
    assert rows["Worth a prediction, USD"][2] == "0.100 (-0.050 to 0.250)"
    assert "Calibration slope" not in rows


def test_other_figures_have_intervals_and_speeds_the_digits_that_would_come_again() -> None:
    found = make_comparison(-0.03, -0.01, Finding.BETTER)
    brier = Measured(estimate=0.151, low=0.140, high=0.162)
    sides = [
        replace(side, metrics={**side.metrics, "brier": 0.151}, intervals={"brier": brier}, is_brought=is_brought)
        for side, is_brought in ((found.first, False), (found.second, True))
    ]
    apart = Measured(estimate=0.001, low=-0.002, high=0.004)
    table = tabulate_versions(replace(found, first=sides[0], second=sides[1], metrics={"brier": apart}))
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["Brier"] == ("0.151 (0.140 to 0.162)", "0.151 (0.140 to 0.162)", "0.001 (-0.002 to 0.004)")
    assert rows["Rows a second in a batch"][0] == "about 65,000"
    assert rows["One row alone"][0] == "about 0.4 ms"
    assert rows["Trained on rows until"] == ("1 Sep 2013, 00:00", "1 Sep 2013, 00:00, as it is said", None)


def test_equal_versions_are_said_to_be_equal() -> None:
    said = tell_versions(make_comparison(0.0, 0.0, Finding.EQUAL), seen_until=SEEN)
    assert said == "v3 and v2 are equal: they give the same answers to all 8,412 rows that neither has seen."


def test_slices_say_where_it_is_better_and_where_worse() -> None:
    said = tell_slices(make_comparison(-0.03, -0.01, Finding.BETTER))
    assert "2 of 3 slices could be judged" in said
    assert "better where carrier = UA" in said
    assert "worse where carrier = DL" in said


def test_a_page_holds_charts_of_slices_and_calibration_and_runs_nothing() -> None:
    found = replace(make_comparison(-0.03, -0.01, Finding.BETTER), sentence="v3 is better.")
    html = render_versions(found)
    assert html.count("<svg") == 2 * 2
    assert "<script" not in html
    assert "carrier = &lt;b&gt;" in html
    assert "412 of them from the prediction log" in html
    assert "worth between 0.050 less and 0.250 more USD a prediction" in html


def test_markdown_for_a_pull_request_escapes_what_users_name() -> None:
    text = render_versions(make_comparison(-0.03, -0.01, Finding.BETTER), as_markdown=True)
    assert text.startswith("## v3 against v2 of late-flights")
    assert "| carrier = \\<b\\> | no data |" in text
    assert "| :--- | ---: |" in text
