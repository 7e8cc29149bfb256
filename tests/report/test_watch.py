import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from holdtrue.domain import (
    Alert,
    Cause,
    LabelCoverage,
    LossKind,
    Takeover,
    Task,
    WatchedVersion,
    WatchResult,
    Window,
)
from holdtrue.report import draw_quality, render_watch, tabulate_watched, tell_watch
from holdtrue.report.figures import format_cell

START = datetime(2024, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def make_result(*, n_labelled: int = 700, alerts: tuple[Alert, ...] = ()) -> WatchResult:
    windows = tuple(
        Window(
            loop="machines",
            version=1,
            starts_at=START + i * WEEK,
            ends_at=START + (i + 1) * WEEK,
            n_rows=700,
            n_due=700,
            n_labelled=n_labelled,
            loss=0.4 + 0.1 * i,
            loss_low=0.35 + 0.1 * i,
            loss_high=0.45 + 0.1 * i,
            metrics={"predicted_share": 0.3, "actual_share": 0.3 + 0.05 * i},
        )
        for i in range(4)
    )
    version = WatchedVersion(
        number=1, name="<b>model</b>", starts_at=START, ends_at=START + 4 * WEEK, n_rows=2800, n_labelled=2800,
        loss=0.55, low=0.5, high=0.6, reference_until=START + WEEK, reference_loss=0.4, baseline_loss=0.69,
        limit=0.45, sentence="The risk has not risen.",
    )  # fmt: skip
    return WatchResult(
        loop="machines", source="log.parquet", as_of=START + 5 * WEEK, task=Task.BINARY, classes=(False, True),
        loss_kind=LossKind.LOG_LOSS, versions=(version,), takeovers=(Takeover(at=START, version=1),), windows=windows,
        alerts=alerts, coverage=LabelCoverage(n_predictions=2800, n_due=2800, n_labelled=4 * n_labelled),
    )  # fmt: skip


def make_alert(*, closed: bool) -> Alert:
    moved = [{"column": "heat", "distance": 0.31, "sentence": "heat has moved: its mean went from 0 to 2."}]
    return Alert(
        alert_id="a", loop="machines", version=1, cause=Cause.RISK, sentence="The risk has risen.",
        opened_at=START + 2 * WEEK, closed_at=START + 3 * WEEK if closed else None, evidence={"moved": moved},
    )  # fmt: skip


def test_the_report_is_one_file_with_charts_alerts_and_what_moved() -> None:
    html = render_watch(make_result(alerts=(make_alert(closed=False),)))
    assert "<script" not in html
    assert not re.search(r'(src|href)="', html.replace("xlink:href", ""))
    assert html.count("<svg") == 2 * 2
    for text in ("How true machines was", "in order up to here", "Raised on 15 Jan 2024; it still stands", "heat"):
        assert text in html
    assert "<b>model</b>" not in html


def test_the_span_of_a_report_ends_with_the_last_prediction_and_not_with_its_window() -> None:
    result = make_result()
    early = replace(result.versions[0], ends_at=START + 3 * WEEK + timedelta(hours=1))
    assert "held against what turned out: 1 Jan to 22 Jan 2024." in render_watch(replace(result, versions=(early,)))


def test_equal_results_give_equal_bytes() -> None:
    assert render_watch(make_result()) == render_watch(make_result())


def test_a_calm_log_has_no_section_of_alerts() -> None:
    assert "When the risk rose" not in render_watch(make_result())


def test_an_alert_that_ended_is_shaded_up_to_its_end() -> None:
    result = make_result(alerts=(make_alert(closed=True),))
    chart = draw_quality(result.windows, alerts=result.alerts)
    assert chart is not None
    ends = [row["until"] for row in _find_rows(chart.spec) if row.get("text") == "alert"]
    assert set(ends) == {round((START + 3 * WEEK).timestamp() * 1000)}


def test_the_names_of_levels_stand_above_what_is_drawn_on_a_rim_of_the_ground() -> None:
    chart = draw_quality(make_result().windows, limit=0.45, baseline_loss=0.69)
    assert chart is not None
    layers = chart.spec["vconcat"][0]["layer"]
    for layer in layers[-2:]:
        rim, ink = layer["layer"]
        assert (rim["mark"]["type"], rim["mark"]["strokeWidth"], ink["mark"].get("stroke")) == ("text", 3, None)


def test_a_figure_of_three_hundred_digits_is_said_in_a_few() -> None:
    result = make_result()
    huge = replace(result.versions[0], baseline_loss=8.0077e299, limit=8.0077e298)
    cells = [format_cell(row[1]) for row in tabulate_watched(replace(result, versions=(huge,))).rows]
    assert cells[-2:] == ["8.01e+299", "8.01e+298"]


def test_missing_labels_are_said_to_be_perhaps_others() -> None:
    assert any("may be others" in sentence for sentence in tell_watch(make_result(n_labelled=300)))
    assert not any("may be others" in sentence for sentence in tell_watch(make_result()))


def _find_rows(part: object) -> list[dict[str, object]]:
    if isinstance(part, dict):
        own = part["values"] if isinstance(part.get("values"), list) else []
        rows = [row for row in own if isinstance(row, dict)]
        return rows + [row for value in part.values() for row in _find_rows(value)]
    if isinstance(part, list):
        return [row for item in part for row in _find_rows(item)]
    return []
