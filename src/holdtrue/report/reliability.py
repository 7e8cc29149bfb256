"""Reliability and slices: what was predicted beside what came, and where two versions differ."""

from collections.abc import Mapping, Sequence

import altair as alt

from holdtrue.domain import Finding, ReliabilityBin, SliceDifference, format_count
from holdtrue.report.chart import WIDE, Chart, finish_chart, plot_rows
from holdtrue.report.palette import BLUE, GREEN, MUTED, TEXT, VERMILION
from holdtrue.report.words import format_number

HEIGHT = 300
MOST_SLICES = 30
_INKS = (BLUE.light, VERMILION.light)
_FINDINGS = {
    Finding.BETTER: GREEN.light,
    Finding.UNDECIDED: MUTED.light,
    Finding.WORSE: VERMILION.light,
}


def draw_reliability(parties: Mapping[str, Sequence[ReliabilityBin]], *, is_share: bool = True) -> Chart | None:
    """Draw what came against what was predicted, in bins, for one version or two; None without bins.

    On the grey diagonal, what was predicted came. `is_share` sets the axes in per cent.
    """
    rows = [
        {"version": name, "predicted": b.predicted, "actual": b.actual, "low": b.low, "high": b.high}
        for name, bins in parties.items()
        for b in bins
    ]
    if not rows:
        return None
    ends_of = [(b.predicted, b.actual, b.low, b.high) for bins in parties.values() for b in bins]
    values = [value for ends in ends_of for value in ends if value is not None]
    low, high = min(values), max(values)
    pad = 0.03 * (high - low or 1.0)
    domain = [max(0.0, low - pad) if is_share else low - pad, min(1.0, high + pad) if is_share else high + pad]
    axis = alt.Axis(format="%") if is_share else alt.Axis()
    scale = alt.Scale(domain=domain, nice=False)
    color = alt.Color("version:N", scale=alt.Scale(domain=list(parties), range=list(_INKS[: len(parties)])))
    x = alt.X("predicted:Q", title="predicted", axis=axis, scale=scale)
    y = alt.Y("actual:Q", title=None, axis=axis, scale=scale)
    ends = plot_rows([{"predicted": end, "actual": end} for end in domain])
    chart = plot_rows(rows).encode(x=x, color=color)
    bounded = chart.transform_filter("isValid(datum.low) && isValid(datum.high)")
    drawing = alt.layer(
        ends.mark_line(color=MUTED.light, strokeDash=[4, 3]).encode(x=x, y=y),
        bounded.mark_rule(opacity=0.5, strokeWidth=1.5, clip=True).encode(y=alt.Y("low:Q", title=None), y2="high:Q"),
        chart.mark_line(strokeWidth=1.5).encode(y=y),
        chart.mark_point(filled=True, size=45, opacity=1).encode(y=y),
    ).properties(width=WIDE, height=HEIGHT)
    words = f"{format_count(len(rows), 'bin')}; above the dashed line more came than was predicted, below it less."
    return finish_chart(drawing, title="What came (up) for what was predicted (right)", words=words)


def draw_slices(slices: Sequence[SliceDifference], *, first: str, second: str) -> Chart | None:
    """Draw the difference of mean losses in each slice with its interval; None where none could be judged."""
    known = [part for part in slices if part.difference is not None][:MOST_SLICES]
    rows = [
        {"slice": part.name, "difference": d.estimate, "low": d.low, "high": d.high, "finding": part.finding.value}
        for part in known
        if (d := part.difference) is not None
    ]
    if not rows:
        return None
    y = alt.Y("slice:N", title=None, sort=None, axis=alt.Axis(labelColor=TEXT.light, labelLimit=200))
    scale = alt.Scale(domain=[each.value for each in _FINDINGS], range=list(_FINDINGS.values()))
    legend = alt.Legend(symbolType="circle", symbolOpacity=1)
    chart = plot_rows(rows).encode(y=y, color=alt.Color("finding:N", scale=scale, legend=legend))
    x = alt.X("low:Q", title=None, axis=alt.Axis(tickCount={"expr": "width / 100"}))
    drawing = alt.layer(
        plot_rows([{"zero": 0.0}]).mark_rule(color=MUTED.light).encode(x="zero:Q"),
        chart.mark_rule(strokeWidth=3).encode(x=x, x2="high:Q"),
        chart.mark_point(filled=True, size=70, opacity=1).encode(x="difference:Q"),
    ).properties(width=WIDE, height=24 * len(rows))
    shown = [part for part in known if part.finding in {Finding.BETTER, Finding.WORSE}]
    told = "; ".join(f"{part.name}: {part.finding.value}" for part in shown)
    words = told or f"No difference is shown in any of {format_count(len(rows), 'slice')}."
    return finish_chart(drawing, title=f"Loss of {first} minus that of {second} (left of 0: better)", words=words)


def tell_interval(low: float | None, high: float | None) -> str | None:
    """Say the ends of an interval in a cell; None where there is none."""
    return None if low is None or high is None else f"{format_number(low)} to {format_number(high)}"
