"""Watch: the report on a model that is served elsewhere: its quality over time, its alerts, and what moved."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import altair as alt

from holdtrue.domain import Alert, Cause, LabelCoverage, Task, WatchedVersion, WatchResult, format_count
from holdtrue.report.belief import tell_beliefs
from holdtrue.report.chart import WIDE, Chart, finish_chart, moment_ms, plot_rows, time_axis
from holdtrue.report.figures import Cell, Figures
from holdtrue.report.page import Section, render_report
from holdtrue.report.palette import BLUE, MUTED
from holdtrue.report.quality import draw_quality
from holdtrue.report.watched_slices import tabulate_watched_slices, tell_watched_slices
from holdtrue.report.words import format_day, format_number, format_period, format_share, name_loss

LEAST_COVERAGE = 0.9
_MOST_FIGURES = 5


def render_watch(result: WatchResult, *, made_at: datetime | None = None) -> str:
    """Return the report of a watch, see `list_watch_sections`."""
    first, last = (at.replace(microsecond=0) for at in (min(v.starts_at for v in result.versions), _find_end(result)))
    span = format_period(first, last + timedelta(seconds=1))
    lede = f"Predictions that were made elsewhere, held against what turned out: {span}."
    return render_report(f"How true {result.loop} was", list_watch_sections(result), lede=lede, made_at=made_at)


def _find_end(result: WatchResult) -> datetime:
    # Of the rows, not of their windows: the last window may end in the future.
    return max(version.ends_at for version in result.versions)


def list_watch_sections(result: WatchResult) -> tuple[Section, ...]:
    """Return a watch as sections: the answer, quality over time, alerts with what moved, versions, all windows."""
    charts = tuple(chart for chart in (_draw_quality(result), draw_shares(result)) if chart is not None)
    sections = [Section(heading="In short", sentences=tell_watch(result))]
    if charts:
        sections.append(Section(heading="Quality over time", charts=charts))
    if result.alerts:
        sentences = tuple(sentence for alert in result.alerts for sentence in tell_alert(alert, result))
        sections.append(Section(heading="When the risk rose", sentences=sentences, tables=_tabulate_moved(result)))
    sections.append(Section(heading="Versions", tables=(tabulate_watched(result),)))
    sliced = tabulate_watched_slices(result.versions[-1].slices)
    if sliced is not None:
        sections.append(Section(heading="Slices", tables=(sliced,)))
    sections.append(Section(heading="All windows", tables=(tabulate_windows(result),), is_folded=True))
    if result.notes:
        sections.append(Section(heading="What to know about the data", sentences=result.notes))
    return tuple(sections)


def tell_watch(result: WatchResult) -> tuple[str, ...]:
    """Say how good the predictions were, how far the labels reach, and how the risk of the last version stands."""
    of_slices = [alert for alert in result.alerts if alert.cause is Cause.SLICES]
    last = result.versions[-1]
    return (
        *(_tell_version(version, result) for version in result.versions),
        _tell_labels(result.coverage),
        *_count_alerts([alert for alert in result.alerts if alert not in of_slices], "The risk"),
        *_count_alerts(of_slices, "That of slices alone"),
        *tell_beliefs(result.beliefs),
        last.sentence,
        *tell_watched_slices(last.slices),
    )


def _tell_labels(coverage: LabelCoverage) -> str:
    share = coverage.share
    if share is None:
        return "No label is due yet."
    if coverage.n_due == 1:
        return f"The one label that is due has {'' if share else 'not '}come."
    low = "; the ones that are missing may be others than those that came" if 0 < share < LEAST_COVERAGE else ""
    come = f"{format_share(share)} have come" if share else "none has come"
    return f"Of {format_count(coverage.n_due, 'due label')} {come}{low}."


def _count_alerts(alerts: Sequence[Alert], what: str) -> list[str]:
    if not alerts:
        return []
    n_open, times = sum(alert.closed_at is None for alert in alerts), _say_times(len(alerts))
    if not n_open:
        return [f"{what} rose {times}; no alert of it stands now."]
    if n_open == len(alerts):
        return [f"{what} rose {times}, and {'that alert still stands' if n_open == 1 else 'all alerts still stand'}."]
    return [f"{what} rose {times}; {format_count(n_open, 'alert')} of it still {'stands' if n_open == 1 else 'stand'}."]


def _say_times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def tell_alert(alert: Alert, result: WatchResult) -> tuple[str, ...]:
    """Say when an alert was raised, on what evidence, and when it ended."""
    end = "it still stands" if alert.closed_at is None else f"it ended on {format_day(alert.closed_at)}"
    whose = f" for {_name(alert.version, result)}" if len(result.versions) > 1 else ""
    return (f"Raised on {format_day(alert.opened_at)}{whose}; {end}. {alert.sentence}",)


def tabulate_windows(result: WatchResult) -> Figures:
    """Return the quality of each window."""
    names = list(dict.fromkeys(name for window in result.windows for name in window.metrics))[:_MOST_FIGURES]
    has_versions = len(result.versions) > 1
    header = ("Window", *(("Version",) if has_versions else ()), "Rows", "Due", "Labels")
    header += (
        f"Mean {name_loss(result.loss_kind.value)}",
        "95 % interval",
        *(name.replace("_", " ") for name in names),
    )
    rows = tuple(
        (
            format_period(window.starts_at, window.ends_at),
            *((_name(window.version, result),) if has_versions else ()),
            window.n_rows,
            window.n_due,
            window.n_labelled,
            window.loss,
            _format_interval(window.loss_low, window.loss_high),
            *(window.metrics.get(name) for name in names),
        )
        for window in result.windows
    )
    return Figures("Each window: a row counts when its label is due", header, rows)


def tabulate_watched(result: WatchResult) -> Figures:
    """Return each version over all of its answers, and what its risk is held against."""
    header = (
        "Version",
        "From",
        "Until",
        "Rows",
        "Labels",
        f"Mean {name_loss(result.loss_kind.value)}",
        "95 % interval",
        "Reference until",
        "Reference",
        "Simple baseline there",
        "In order up to",
    )
    rows = tuple(
        (
            version.name,
            format_day(version.starts_at),
            format_day(version.ends_at),
            version.n_rows,
            version.n_labelled,
            version.loss,
            _format_interval(version.low, version.high),
            None if version.reference_until is None else format_day(version.reference_until),
            version.reference_loss,
            version.baseline_loss,
            version.limit,
        )
        for version in result.versions
    )
    return Figures("Each version over all of its answers", header, rows).turn()


def draw_shares(result: WatchResult) -> Chart | None:
    """Draw the predicted and the actual share of the second class; None where there is none."""
    if result.task is not Task.BINARY:
        return None
    rows = [
        {"at": moment_ms(window.starts_at + (window.ends_at - window.starts_at) / 2), "kind": kind, "share": share}
        for window in result.windows
        for kind in ("predicted", "actual")
        if (share := window.metrics.get(f"{kind}_share")) is not None
    ]
    if not rows:
        return None
    axis = time_axis(result.windows[0].starts_at, max(window.ends_at for window in result.windows))
    scale = alt.Scale(domain=["predicted", "actual"], range=[BLUE.light, MUTED.light])
    drawing = (
        plot_rows(rows)
        .mark_line(strokeWidth=2)
        .encode(
            x=axis,
            y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(zero=False)),
            color=alt.Color("kind:N", scale=scale),
        )
        .properties(width=WIDE, height=140)
    )
    title = f"Predicted and actual share of {result.classes[1]}"
    return finish_chart(drawing, title=title, words="Where the lines part, the probabilities do not come true.")


def _draw_quality(result: WatchResult) -> Chart | None:
    only = result.versions[0] if len(result.versions) == 1 else None
    return draw_quality(
        result.windows,
        takeovers=result.takeovers if only is None else (),
        loss_name=result.loss_kind.value,
        baseline_loss=None if only is None else only.baseline_loss,
        limit=None if only is None else only.limit,
        alerts=[alert for alert in result.alerts if alert.cause is not Cause.SLICES],
    )


def _tell_version(version: WatchedVersion, result: WatchResult) -> str:
    who = version.name[:1].upper() + version.name[1:]
    if len(result.versions) > 1:
        who += f" (v{version.number})"
    if version.loss is None:
        return f"{who} made {format_count(version.n_rows, 'prediction')}; no label of theirs is due and known."
    interval = _format_interval(version.low, version.high)
    spread = f" (95 % interval {interval})" if interval else ""
    loss = f"lost {format_number(version.loss)}{spread} a prediction, {name_loss(result.loss_kind.value)}"
    return f"{who} {loss}, over {format_count(version.n_labelled, 'label')}."


def _tabulate_moved(result: WatchResult) -> tuple[Figures, ...]:
    rows: list[tuple[Cell, ...]] = []
    for alert in result.alerts:
        moved = alert.evidence.get("moved") or []
        rows += [(format_day(alert.opened_at), m["column"], m["sentence"], m["distance"]) for m in moved]
    if not rows:
        return ()
    return (Figures("Inputs that moved beside an alert", ("Alert of", "Input", "What moved", "Distance"), tuple(rows)),)


def _name(number: int, result: WatchResult) -> str:
    return next((version.name for version in result.versions if version.number == number), f"v{number}")


def _format_interval(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{format_number(low)} – {format_number(high)}"
