"""Quality: the measured loss of a live loop over time, who was in charge, and how many labels had come."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import altair as alt

from holdtrue.domain import Alert, Takeover, Window, format_count
from holdtrue.report.chart import WIDE, Chart, Drawing, finish_chart, moment_ms, plot_rows, small_title, time_axis
from holdtrue.report.palette import AMBER, BLUE, CARD, GRID, MUTED, PURPLE, TEXT, VERMILION
from holdtrue.report.words import format_number, format_share, name_loss

_IN_CHARGE = "in charge"
_ON_TRIAL = "on trial"
_MOST_LABELS = 8
_MOST_POINTS = 60
_MOMENT = timedelta(microseconds=1)


def draw_quality(
    windows: Sequence[Window],
    *,
    takeovers: Sequence[Takeover] = (),
    loss_name: str = "loss",
    baseline_loss: float | None = None,
    limit: float | None = None,
    alerts: Sequence[Alert] = (),
) -> Chart | None:
    """Draw the loss of each window with its 95 % interval, takeovers as lines, and below how many labels had come.

    A broken line shows the loss that the version in charge believed in, for windows without labels too. `limit` is the
    mean loss that is still in order; the time in which an alert stood is shaded. None while no loss is measured.
    """
    measured = sorted((w for w in windows if w.loss is not None), key=lambda w: (w.starts_at, w.version))
    if not measured:
        return None
    axis = _time_axis(windows, has_labels=False)
    layers = _draw_losses(measured, takeovers, axis)
    levels = [(baseline_loss, "simple baseline", "right"), (limit, "in order up to here", "left")]
    known = [(loss, words, side) for loss, words, side in levels if loss is not None]
    layers = [*(_draw_level(loss) for loss, _, _ in known), *layers]
    if alerts:
        layers.insert(0, _draw_alerts(alerts, windows, axis))
    layers += _draw_beliefs(windows, takeovers, axis, metric=f"believed_{loss_name}")
    layers += _draw_takeovers(_keep_within(takeovers, windows), axis)
    layers += [_name_level(loss, words, at_left=side == "left") for loss, words, side in known]
    upper = alt.layer(*layers).properties(width=WIDE, height=200)
    drawing = alt.vconcat(upper, _draw_coverage(windows), spacing=6)
    return finish_chart(drawing, title=f"Mean {name_loss(loss_name)} over time", words=_say_last(measured[-1]))


def _say_last(window: Window) -> str:
    text = f"Last measured: {format_number(window.loss or 0.0)}"
    if window.loss_low is not None and window.loss_high is not None:
        text += f", between {format_number(window.loss_low)} and {format_number(window.loss_high)}"
    return f"{text}, from {format_count(window.n_labelled, 'label')} of v{window.version}."


def _middle(window: Window) -> int:
    return moment_ms(window.starts_at + (window.ends_at - window.starts_at) / 2)


def find_champion(takeovers: Sequence[Takeover], moment: datetime) -> int | None:
    """Return the number of the version that was in charge at a moment; None before the first takeover."""
    number: int | None = None
    for takeover in takeovers:
        if takeover.at <= moment:
            number = takeover.version
    return number


def _name_role(window: Window, takeovers: Sequence[Takeover]) -> str:
    # A version that took over within the window was in charge for a part of it.
    in_charge = {find_champion(takeovers, window.starts_at), find_champion(takeovers, window.ends_at - _MOMENT)}
    return _IN_CHARGE if not takeovers or window.version in in_charge else _ON_TRIAL


def _draw_losses(measured: Sequence[Window], takeovers: Sequence[Takeover], axis: alt.X) -> list[Drawing]:
    rows = [
        {
            "at": _middle(window),
            "role": _name_role(window, takeovers),
            "version": f"v{window.version}",
            "loss": window.loss,
            "low": window.loss_low,
            "high": window.loss_high,
        }
        for window in measured
    ]
    roles = [role for role in (_IN_CHARGE, _ON_TRIAL) if any(row["role"] == role for row in rows)]
    scale = alt.Scale(domain=[_IN_CHARGE, _ON_TRIAL], range=[BLUE.light, VERMILION.light])
    legend = alt.Legend(symbolType="circle", symbolOpacity=1, values=roles) if len(roles) > 1 else None
    # `detail` breaks the line where one version follows another: two versions are two measurements.
    chart = plot_rows(rows).encode(x=axis, color=alt.Color("role:N", scale=scale, legend=legend), detail="version:N")
    bounded = chart.transform_filter("isValid(datum.low) && isValid(datum.high)")
    is_trial = alt.datum["role"] == _ON_TRIAL
    low = alt.Y("low:Q", title=None, scale=alt.Scale(zero=False))
    band = bounded.transform_filter(~is_trial).mark_area(opacity=0.17).encode(y=low, y2="high:Q")
    bars = bounded.transform_filter(is_trial).mark_rule(opacity=0.6, strokeWidth=1.5).encode(y=low, y2="high:Q")
    y = alt.Y("loss:Q", title=None, scale=alt.Scale(zero=False))
    layers: list[Drawing] = [band, bars, chart.mark_line(strokeWidth=2).encode(y=y)]
    points = chart.mark_point(filled=True, size=30, opacity=1).encode(y=y)
    return [*layers, points] if len(rows) <= _MOST_POINTS else layers


def _draw_level(loss: float) -> Drawing:
    return plot_rows([{"loss": loss}]).encode(y="loss:Q").mark_rule(color=MUTED.light, strokeDash=[4, 3])


def _name_level(loss: float, words: str, *, at_left: bool) -> Drawing:
    """Draw the name of a level above its line, on a rim of the ground: what runs through it leaves it readable."""
    x = alt.value(0) if at_left else alt.value("width")
    chart = plot_rows([{"loss": loss, "text": words}]).encode(x=x, y="loss:Q", text="text:N")
    align: Literal["left", "right"] = "left" if at_left else "right"
    dx = 4 if at_left else -4
    rim = chart.mark_text(align=align, dy=-7, dx=dx, fontSize=11, color=CARD.light, stroke=CARD.light, strokeWidth=3)
    ink = chart.mark_text(align=align, dy=-7, dx=dx, fontSize=11, color=MUTED.light)
    return alt.layer(rim, ink)


def _draw_alerts(alerts: Sequence[Alert], windows: Sequence[Window], axis: alt.X) -> Drawing:
    end = max(window.ends_at for window in windows)
    spans = [(alert.opened_at, min(alert.closed_at or end, end)) for alert in alerts if alert.opened_at < end]
    # One is named for all: names of neighbours would run into each other.
    rows = [
        {"at": moment_ms(opened), "until": moment_ms(closed), "text": "" if place else "alert"}
        for place, (opened, closed) in enumerate(spans)
    ]
    chart = plot_rows(rows).encode(x=axis)
    text = chart.mark_text(align="left", baseline="bottom", dx=4, dy=-4, color=AMBER.light, fontSize=11)
    return alt.layer(
        chart.mark_rect(color=AMBER.light, opacity=0.16).encode(x2="until:T"),
        chart.mark_rule(color=AMBER.light, strokeWidth=1.5),
        text.encode(y=alt.value("height"), text="text:N"),
    )


def _draw_beliefs(
    windows: Sequence[Window], takeovers: Sequence[Takeover], axis: alt.X, *, metric: str
) -> list[Drawing]:
    rows = [
        {"at": _middle(window), "belief": window.metrics[metric], "version": f"v{window.version}"}
        for window in sorted(windows, key=lambda window: window.starts_at)
        if metric in window.metrics and _name_role(window, takeovers) == _IN_CHARGE
    ]
    if not rows:
        return []
    y = alt.Y("belief:Q", title=None, scale=alt.Scale(zero=False))
    line = plot_rows(rows).mark_line(color=PURPLE.light, strokeDash=[3, 3], strokeWidth=1.5)
    name = plot_rows([{**rows[-1], "text": "the model's own belief"}])
    text = name.mark_text(align="right", dy=10, color=PURPLE.light, fontSize=11)
    return [line.encode(x=axis, y=y, detail="version:N"), text.encode(x=axis, y=y, text="text:N")]


def _keep_within(takeovers: Sequence[Takeover], windows: Sequence[Window]) -> list[Takeover]:
    first, last = min(window.starts_at for window in windows), max(window.ends_at for window in windows)
    within = [takeover for takeover in takeovers if first < takeover.at < last]
    at_first = find_champion(takeovers, first)
    # The version that was in charge when the picture begins is named there too.
    return within if at_first is None else [Takeover(at=first, version=at_first), *within]


def _draw_takeovers(takeovers: Sequence[Takeover], axis: alt.X) -> list[Drawing]:
    if not takeovers:
        return []
    # Lines for all, names for the last few: more would run into each other.
    named = takeovers[-_MOST_LABELS:]
    rows = [{"at": moment_ms(takeover.at)} for takeover in takeovers]
    names = [{"at": moment_ms(takeover.at), "name": f"v{takeover.version}"} for takeover in named]
    rules = plot_rows(rows).mark_rule(color=MUTED.light, opacity=0.6, strokeWidth=1)
    texts = plot_rows(names).mark_text(align="left", dx=4, dy=6, fontSize=11, color=TEXT.light)
    return [rules.encode(x=axis), texts.encode(x=axis, y=alt.value(0), text="name:N")]


def _time_axis(windows: Sequence[Window], *, has_labels: bool) -> alt.X:
    begin, end = min(w.starts_at for w in windows), max(w.ends_at for w in windows)
    return time_axis(begin, end, has_labels=has_labels)


def _draw_coverage(windows: Sequence[Window]) -> Drawing:
    sums: dict[tuple[datetime, datetime], tuple[int, int]] = {}
    for window in windows:
        span = (window.starts_at, window.ends_at)
        n_labelled, n_rows = sums.get(span, (0, 0))
        sums[span] = (n_labelled + window.n_labelled, n_rows + window.n_rows)
    rows: list[dict[str, Any]] = [
        {"at": moment_ms(start), "until": moment_ms(end), "all": 1.0, "share": min(1.0, n_labelled / n_rows)}
        for (start, end), (n_labelled, n_rows) in sums.items()
        if n_rows
    ]
    chart = plot_rows(rows).encode(x=_time_axis(windows, has_labels=True), x2="until:T")
    axis = alt.Axis(format="%", values=[0, 1], grid=False)
    scale = alt.Scale(domain=[0, 1])
    return alt.layer(
        chart.mark_rect(color=GRID.light, opacity=0.6).encode(y=alt.Y("all:Q", title=None, axis=axis, scale=scale)),
        chart.mark_rect(color=MUTED.light, opacity=0.75).encode(y=alt.Y("share:Q", title=None, axis=axis, scale=scale)),
    ).properties(width=WIDE, height=36, title=_coverage_title(rows))


def _coverage_title(rows: Sequence[dict[str, Any]]) -> alt.TitleParams:
    last = f", {format_share(rows[-1]['share'])} of the last window" if rows else ""
    return small_title(f"Labels that have come{last}")
