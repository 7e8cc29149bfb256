"""Versions: the report of two versions compared on rows that neither has seen."""

from collections.abc import Callable
from datetime import datetime, timedelta

from holdtrue.domain import ComparedVersion, Finding, Measured, SliceDifference, VersionComparison, format_count
from holdtrue.report.figures import Cell, Figures
from holdtrue.report.markdown import render_markdown
from holdtrue.report.page import Section, render_report
from holdtrue.report.reliability import draw_reliability, draw_slices, tell_interval
from holdtrue.report.words import (
    format_about,
    format_moment,
    format_number,
    format_period,
    format_share,
    name_loss,
    name_metric,
)


def tell_versions(found: VersionComparison, *, seen_until: datetime, scarcity: str | None = None) -> str:
    """Say what the first version is to the second, or why that cannot be said."""
    first, second, loss = found.first.name, found.second.name, name_loss(found.loss_name)
    if not found.n_rows:
        return (
            f"{first} and {second} cannot be compared: no labelled row is later than {format_moment(seen_until)} UTC, "
            "the last that one of them was trained on. Rows that come later, in the table or the prediction log, will "
            "tell."
        )
    if found.difference is None or found.difference.low is None or found.difference.high is None or scarcity:
        return f"{first} and {second} cannot be told apart yet. {scarcity or 'There is too little data.'}"
    low, high = found.difference.low, found.difference.high
    rows = format_count(found.n_rows, "row")
    if found.finding is Finding.EQUAL:
        return f"{first} and {second} are equal: they give the same answers to all {rows} that neither has seen."
    if found.finding is Finding.UNDECIDED:
        return (
            f"It cannot be told whether {first} or {second} is better: the {loss} of {first} is between "
            f"{format_number(-low)} lower and {format_number(high)} higher (95 %, {rows} that neither has seen)."
        )
    near, far = sorted((abs(low), abs(high)))
    side = "lower" if found.finding is Finding.BETTER else "higher"
    return (
        f"{first} is {found.finding.value} than {second}: its {loss} is between {format_number(near)} and "
        f"{format_number(far)} {side} (95 %, {rows} that neither has seen)."
    )


def tabulate_versions(found: VersionComparison) -> Figures:
    """Return the figures of both, below each other by kind, with the difference where it has an interval."""
    first, second = found.first, found.second
    unit = found.unit or "money"
    rows: list[tuple[Cell, ...]] = [
        _row(f"Mean {name_loss(found.loss_name)}", found, lambda side: side.loss, found.difference),
        *_list_metrics(found),
        _row("Bias (predicted - actual)", found, lambda side: side.bias),
        _row("Calibration error", found, lambda side: side.calibration_error),
        _row("Calibration slope", found, lambda side: side.slope),
        _row(f"Worth a prediction, {unit}", found, lambda side: side.worth, found.worth),
        ("Size of the model", _say_bytes(first.n_bytes), _say_bytes(second.n_bytes), None),
        ("One row alone", _say_ms(first.row_ms), _say_ms(second.row_ms), None),
        ("Rows a second in a batch", _say_about(first.rows_a_second), _say_about(second.rows_a_second), None),
        ("Trained on rows until", _say_seen(first), _say_seen(second), None),
    ]
    kept = tuple(row for row in rows if row[1] is not None or row[2] is not None)
    header = ("", _name(first), _name(second), "Difference")
    return Figures("Figures with their 95 % intervals; the difference is first minus second", header, kept)


def tabulate_slices(found: VersionComparison) -> Figures:
    """Return the loss of both in each slice, with the interval of the difference."""
    header = ("Slice", "Finding", "Rows", found.first.name, found.second.name, "Difference, 95 %")
    rows = tuple(
        (part.name, part.finding.value, part.n_rows, part.first_loss, part.second_loss, _interval(part))
        for part in found.slices
    )
    return Figures(f"Mean {name_loss(found.loss_name)} in each slice", header, rows)


def list_version_sections(found: VersionComparison) -> tuple[Section, ...]:
    """Return the comparison as sections: the answer, slices, calibration, and what to know."""
    sections = [Section(heading="In short", sentences=_tell_short(found), tables=(tabulate_versions(found),))]
    if found.slices:
        drawn = draw_slices(found.slices, first=found.first.name, second=found.second.name)
        sections.append(
            Section(
                heading="Slice by slice",
                sentences=(tell_slices(found),),
                charts=(drawn,) if drawn else (),
                tables=(tabulate_slices(found),),
            )
        )
    bins = {side.name: side.bins for side in (found.first, found.second) if side.bins}
    calibrated = draw_reliability(bins, is_share=found.loss_name == "log_loss")
    if calibrated is not None:
        sections.append(Section(heading="Did what was predicted come?", charts=(calibrated,)))
    if found.notes:
        sections.append(Section(heading="What to know about the rows", sentences=found.notes))
    return tuple(sections)


def render_versions(found: VersionComparison, *, as_markdown: bool = False, made_at: datetime | None = None) -> str:
    """Return the comparison as one HTML file, or as Markdown for a pull request."""
    title = f"{found.first.name} against {found.second.name} of {found.loop}"
    sections = list_version_sections(found)
    if as_markdown:
        return render_markdown(title, sections)
    return render_report(title, sections, lede="On the newest labelled rows that neither has seen.", made_at=made_at)


def tell_slices(found: VersionComparison) -> str:
    """Say in which slices the first is shown to be better or worse; Holm keeps the chance of any false one at 5 %."""
    judged = [part for part in found.slices if part.difference is not None]
    better = [part.name for part in judged if part.finding is Finding.BETTER]
    worse = [part.name for part in judged if part.finding is Finding.WORSE]
    said = f"{len(judged)} of {format_count(len(found.slices), 'slice')} could be judged"
    if not better and not worse:
        return f"{said}; in none a difference is shown."
    parts = [f"better where {'; '.join(names)}" for names in (better,) if names]
    parts += [f"worse where {'; '.join(names)}" for names in (worse,) if names]
    return f"{said}. {found.first.name} is shown to be {', and '.join(parts)}; at most 1 chance in 20 each way of luck."


def _tell_short(found: VersionComparison) -> tuple[str, ...]:
    sentences = [found.sentence]
    if found.starts_at is not None and found.ends_at is not None:
        span = format_period(found.starts_at, found.ends_at + timedelta(microseconds=1))
        of_log = f", {found.n_from_log:,} of them from the prediction log" if found.n_from_log else ""
        sentences.append(f"The rows are {found.n_rows:,} of {span}{of_log}.")
    if found.worth is not None and found.worth.low is not None:
        low, high = (f"{format_number(abs(end))} {'more' if end >= 0 else 'less'}" for end in _ends(found.worth))
        sentences.append(f"Its decisions are worth between {low} and {high} {found.unit} a prediction (95 %).")
    return tuple(sentences)


def _row(
    name: str,
    found: VersionComparison,
    take: Callable[[ComparedVersion], Measured | None],
    difference: Measured | None = None,
) -> tuple[Cell, ...]:
    return (name, _say(take(found.first)), _say(take(found.second)), _say(difference))


def _list_metrics(found: VersionComparison) -> list[tuple[Cell, ...]]:
    names = [name for name in found.first.metrics if not name.endswith(found.loss_name)]
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        one, two = found.first.metrics.get(name), found.second.metrics.get(name)
        apart = _say(found.auc if name == "auc" else found.metrics.get(name))
        if name.endswith("_share"):
            rows.append((name_metric(name), _share(one), _share(two), apart))
            continue
        cells = (_say(side.intervals.get(name)) for side in (found.first, found.second))
        rows.append((name_metric(name), *(cell or value for cell, value in zip(cells, (one, two), strict=True)), apart))
    return rows


def _say(figure: Measured | None) -> str | None:
    if figure is None:
        return None
    interval = tell_interval(figure.low, figure.high)
    return format_number(figure.estimate) + (f" ({interval})" if interval else "")


def _ends(figure: Measured) -> tuple[float, float]:
    return (figure.low or 0.0, figure.high or 0.0)


def _interval(part: SliceDifference) -> str | None:
    return None if part.difference is None else tell_interval(part.difference.low, part.difference.high)


def _share(value: float | None) -> str | None:
    return None if value is None else format_share(value)


def _say_bytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.0f} kB"


def _say_ms(milliseconds: float | None) -> str | None:
    return None if milliseconds is None else f"{format_about(milliseconds)} ms"


def _say_about(value: float | None) -> str | None:
    return None if value is None else format_about(value)


def _say_seen(side: ComparedVersion) -> str:
    return f"{format_moment(side.seen_until)}{', as it is said' if side.is_brought else ''}"


def _name(side: ComparedVersion) -> str:
    return f"{side.name} (in charge)" if side.is_champion else side.name
