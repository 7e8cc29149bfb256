"""Evidence: the chart of a rollout, its running difference with what may be believed of it, and its share."""

from collections.abc import Sequence
from datetime import datetime

import altair as alt

from holdtrue.domain import EvidencePoint, RolloutView, ShareChange, format_count
from holdtrue.report.chart import WIDE, Chart, Drawing, finish_chart, moment_ms, plot_rows, small_title, time_axis
from holdtrue.report.palette import BLUE, MUTED, VERMILION
from holdtrue.report.words import format_number


def draw_rollout(view: RolloutView, *, until: datetime | None = None) -> Chart | None:
    """Draw the challenger's mean loss minus the champion's as it was known at each time, and the challenger's share.

    `until` is where the picture ends (default: the end of the rollout, else its last evidence). None without evidence.
    """
    if not view.evidence:
        return None
    rollout = view.rollout
    end = rollout.ended_at or until or view.evidence[-1].at
    begin = min(rollout.started_at, view.evidence[0].at)
    axis = time_axis(begin, end, has_labels=not view.shares)
    upper = alt.layer(*_draw_difference(view.evidence, axis), *_draw_levels(rollout.terms.margin))
    drawing: Drawing = upper.properties(width=WIDE, height=180)
    if view.shares:
        drawing = alt.vconcat(drawing, _draw_share(view.shares, begin, end), spacing=6)
    last = view.evidence[-1]
    words = f"Difference of mean losses {format_number(last.difference)} after {format_count(last.n_rows, 'row')}."
    title = f"v{rollout.challenger} against v{rollout.champion}: difference of mean losses (below 0: better)"
    return finish_chart(drawing, title=title, words=words)


def _draw_difference(evidence: Sequence[EvidencePoint], axis: alt.X) -> list[Drawing]:
    rows = [{"at": moment_ms(p.at), "difference": p.difference, "low": p.low, "high": p.high} for p in evidence]
    # The band of the first few pairs is as wide as the loss itself; the picture is about what came after.
    known = [abs(end) for p in evidence[len(evidence) // 4 :] for end in (p.low, p.high) if end is not None]
    reach = max([*known, *(abs(p.difference) for p in evidence[len(evidence) // 4 :]), 1e-9]) * 1.1
    scale = alt.Scale(domain=[-reach, reach], clamp=True, nice=True)
    chart = plot_rows(rows).encode(x=axis)
    bounded = chart.transform_filter("isValid(datum.low) && isValid(datum.high)")
    band = bounded.mark_area(opacity=0.18, color=BLUE.light, clip=True)
    line = chart.mark_line(strokeWidth=2, color=BLUE.light, clip=True)
    return [
        band.encode(y=alt.Y("low:Q", title=None, scale=scale), y2="high:Q"),
        line.encode(y=alt.Y("difference:Q", title=None, scale=scale)),
    ]


def _draw_levels(margin: float) -> list[Drawing]:
    zero = plot_rows([{"difference": 0.0}]).mark_rule(color=MUTED.light).encode(y="difference:Q")
    edge = plot_rows([{"difference": margin, "text": "margin"}]).encode(y="difference:Q")
    line = edge.mark_rule(color=VERMILION.light, strokeDash=[4, 3], clip=True)
    text = edge.mark_text(align="left", dy=-7, fontSize=11, color=VERMILION.light, clip=True)
    return [zero, line, text.encode(x=alt.value(4), text="text:N")]


def _draw_share(shares: Sequence[ShareChange], begin: datetime, end: datetime) -> Drawing:
    rows = [{"at": moment_ms(max(change.at, begin)), "share": change.share} for change in shares]
    rows.append({"at": moment_ms(end), "share": shares[-1].share})
    title = small_title("Share of units that the challenger answers")
    line = {"color": BLUE.light, "strokeWidth": 1.5}
    return (
        plot_rows(rows)
        .mark_area(interpolate="step-after", color=BLUE.light, opacity=0.3, line=line)
        .encode(
            x=time_axis(begin, end, has_labels=True),
            y=alt.Y(
                "share:Q", title=None, axis=alt.Axis(format="%", values=[0, 0.5, 1]), scale=alt.Scale(domain=[0, 1])
            ),
        )
        .properties(width=WIDE, height=54, title=title)
    )
