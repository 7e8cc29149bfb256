"""Policies: the charts of a backtest, each policy in its own colour."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import altair as alt

from holdtrue.domain import BacktestResult, DecisionKind, PolicyResult
from holdtrue.report.chart import WIDE, Chart, Drawing, finish_chart, moment_ms, plot_rows, time_axis
from holdtrue.report.palette import GRID, MUTED, TEXT, color_policies
from holdtrue.report.words import format_number, format_period, name_loss

_MANY_PERIODS = 16
_EVENTS = {
    DecisionKind.RETRAINED: "retrained",
    DecisionKind.PROMOTED: "promoted",
    DecisionKind.REJECTED: "rejected",
    DecisionKind.ABORTED: "stopped",
    DecisionKind.ROLLED_BACK: "stopped",
}
_SHAPES = {"retrained": "M0,-1L0,1", "promoted": "triangle-up", "rejected": "cross", "stopped": "diamond"}


def draw_policies(result: BacktestResult) -> Chart:
    """Draw the loss of each policy in each period with its interval, and below it what each policy did, when."""
    scale = _color_policies(result)
    events = _collect_events(result)
    # With a strip below, the months stand under the strip alone.
    layers = _draw_losses(result, scale, has_labels=not events)
    drawing: Drawing = layers
    if events:
        strip = _draw_events(events, result, scale)
        drawing = alt.vconcat(layers, strip, spacing=6).resolve_scale(shape="independent")
    best = min((p for p in result.policies if p.loss is not None), key=lambda p: p.loss or 0.0, default=None)
    words = f"Best overall: {best.policy} with {format_number(best.loss or 0.0)}." if best else "No labels yet."
    return finish_chart(drawing, title=f"{_loss_title(result)} in each period", words=words)


def _loss_title(result: BacktestResult) -> str:
    loss_name = result.policies[0].loss_name if result.policies else "loss"
    return f"Mean {name_loss(loss_name)} a {result.unit_name}"


def _color_policies(result: BacktestResult) -> alt.Scale:
    names = [policy.policy for policy in result.policies]
    return alt.Scale(domain=names, range=color_policies(names))


def _list_losses(result: BacktestResult) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    n_policies = len(result.policies)
    for place, policy in enumerate(result.policies):
        for period in policy.periods:
            if period.loss is None:
                continue
            # Intervals of four policies at one moment would hide each other: each stands a little beside the next.
            middle = period.start + (period.end - period.start) / 2
            beside = (period.end - period.start) * 0.07 * (place - (n_policies - 1) / 2)
            rows.append(
                {
                    "at": moment_ms(middle + beside),
                    "policy": policy.policy,
                    "period": format_period(period.start, period.end),
                    "loss": period.loss,
                    "low": period.loss_low,
                    "high": period.loss_high,
                }
            )
    return rows


def _draw_losses(result: BacktestResult, scale: alt.Scale, *, has_labels: bool) -> Drawing:
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1)
    chart = plot_rows(_list_losses(result)).encode(
        x=_time_axis(result, has_labels=has_labels), color=alt.Color("policy:N", scale=scale, legend=legend)
    )
    y = alt.Y("loss:Q", title=None, scale=alt.Scale(zero=False))
    is_loop = alt.datum["policy"] == "loop"
    lines = [
        chart.transform_filter(~is_loop).mark_line(strokeWidth=1.5).encode(y=y),
        chart.transform_filter(is_loop).mark_line(strokeWidth=2.75).encode(y=y),
    ]
    bounded = chart.transform_filter("isValid(datum.low) && isValid(datum.high)")
    n_periods = max((len(policy.periods) for policy in result.policies), default=0)
    if n_periods > _MANY_PERIODS:
        # So many whiskers would be a thicket; only the loop's band is drawn, the table has the others.
        band = bounded.transform_filter(is_loop).mark_area(opacity=0.13, stroke=None)
        band = band.encode(
            y=alt.Y("low:Q", title=None), y2="high:Q", fill=alt.Fill("policy:N", scale=scale, legend=None)
        )
        return alt.layer(band, *lines).properties(width=WIDE, height=250)
    bars = bounded.mark_rule(opacity=0.5, strokeWidth=1.75).encode(y=alt.Y("low:Q", title=None), y2="high:Q")
    points = chart.mark_point(filled=True, size=32, opacity=1).encode(y=y)
    return alt.layer(bars, *lines, points).properties(width=WIDE, height=250)


def _time_axis(result: BacktestResult, *, has_labels: bool = True) -> alt.X:
    return time_axis(result.started_at, result.ended_at, has_labels=has_labels)


def _collect_events(result: BacktestResult) -> list[dict[str, Any]]:
    return [
        {"at": moment_ms(decision.at), "policy": policy.policy, "event": _EVENTS[decision.action]}
        for policy in result.policies
        for decision in policy.decisions
        if decision.action in _EVENTS
    ]


def _draw_events(events: list[dict[str, Any]], result: BacktestResult, scale: alt.Scale) -> Drawing:
    names = [policy.policy for policy in result.policies if any(e["policy"] == policy.policy for e in events)]
    kinds = [kind for kind in _SHAPES if any(event["event"] == kind for event in events)]
    shapes = alt.Scale(domain=kinds, range=[_SHAPES[kind] for kind in kinds])
    legend = alt.Legend(
        orient="bottom", symbolStrokeColor=MUTED.light, symbolFillColor="transparent", symbolStrokeWidth=1.5
    )
    return (
        plot_rows(events)
        .mark_point(size=34, strokeWidth=1.5, opacity=0.9)
        .encode(
            x=_time_axis(result),
            y=alt.Y("policy:N", title=None, sort=names, axis=alt.Axis(grid=True, labelColor=TEXT.light)),
            color=alt.Color("policy:N", scale=scale, legend=None),
            shape=alt.Shape("event:N", scale=shapes, legend=legend),
        )
        .properties(width=WIDE, height=24 * len(names))
    )


def draw_comparisons(result: BacktestResult) -> Chart | None:
    """Draw how much less or more the loop lost than each other one, with intervals; None when nothing was compared."""
    told, versus = result.told, result.told.versus
    if not versus:
        return None
    rows = [{"other": f"against {c.other}", "difference": c.difference, "low": c.low, "high": c.high} for c in versus]
    chart = plot_rows(rows).encode(y=alt.Y("other:N", title=None, sort=None, axis=alt.Axis(labelColor=TEXT.light)))
    color = color_policies([told.policy])[0]
    zero = plot_rows([{"zero": 0.0}]).mark_rule(color=MUTED.light).encode(x="zero:Q")
    edge = plot_rows([{"margin": result.margin}])
    margin = edge.mark_rule(color=MUTED.light, strokeDash=[4, 3]).encode(x="margin:Q")
    bars = chart.transform_filter("isValid(datum.low) && isValid(datum.high)").mark_rule(strokeWidth=3, color=color)
    drawing = alt.layer(
        zero,
        margin,
        bars.encode(x=alt.X("low:Q", title=None, axis=alt.Axis(tickCount={"expr": "width / 100"})), x2="high:Q"),
        chart.mark_point(filled=True, size=90, color=color, opacity=1).encode(x="difference:Q"),
    ).properties(width=WIDE, height=34 * len(rows))
    words = " ".join(f"Against {c.other}: {format_number(c.difference)}." for c in versus)
    return finish_chart(drawing, title=_comparison_title(told), words=words)


def _comparison_title(policy: PolicyResult) -> str:
    loss = name_loss(policy.loss_name).capitalize()
    return f"{loss} of {policy.policy} minus that of the others (left of 0: better; dashed: the margin)"


def draw_calibration(result: BacktestResult, *, policies: Sequence[str] | None = None) -> Chart | None:
    """Draw the share that each policy predicted beside the share that came, by period; None without such shares."""
    chosen = [p for p in result.policies if policies is None or p.policy in policies]
    rows = [row for policy in chosen for row in _list_shares(policy)]
    if not rows:
        return None
    seen: dict[int, dict[str, Any]] = {row["at"]: row for row in rows}
    chart = plot_rows(rows).encode(x=_time_axis(result))
    y = alt.Y("predicted:Q", title=None, axis=alt.Axis(format="%"))
    came = plot_rows(list(seen.values())).encode(x=_time_axis(result))
    drawing = alt.layer(
        came.mark_area(color=GRID.light, opacity=0.8, line=False).encode(y=alt.Y("actual:Q", title=None)),
        chart.mark_line(strokeWidth=2).encode(y=y, color=alt.Color("policy:N", scale=_color_policies(result))),
    ).properties(width=WIDE, height=180)
    words = "Lines above the grey ground predicted more than came; lines within it, less."
    return finish_chart(drawing, title="Predicted share (lines) and the share that came (grey)", words=words)


def _list_shares(policy: PolicyResult) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for period in policy.periods:
        predicted, actual = period.metrics.get("predicted_share"), period.metrics.get("actual_share")
        if predicted is None or actual is None:
            continue
        middle = period.start + timedelta(seconds=(period.end - period.start).total_seconds() / 2)
        rows.append({"at": moment_ms(middle), "policy": policy.policy, "predicted": predicted, "actual": actual})
    return rows
