"""Tuning: the trials of a tuning as sentences, a table and pictures."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from holdtrue.domain import Json, MetricProof, Trial, TrialState, Tuning, format_count
from holdtrue.report.chart import WIDE, Chart, finish_chart, plot_rows
from holdtrue.report.figures import Cell, Figures
from holdtrue.report.page import Section, render_report
from holdtrue.report.palette import BLUE, MUTED, VERMILION
from holdtrue.report.reliability import tell_interval
from holdtrue.report.words import format_day, format_number, name_loss, name_metric

_LOG_FACTOR = 20  # a parameter whose values span more is drawn by factors


def tell_tuning(tuning: Tuning) -> tuple[str, ...]:
    """Say what was chosen, that the best of many trials flatters itself, and what later rows say of it."""
    proof = tuning.proof
    counted = ", ".join(f"{tuning.count(state)} {state.value}" for state in TrialState if tuning.count(state))
    sentences = [
        f"{format_count(len(tuning.trials), 'trial')} ({counted}) chose {tell_parameters(tuning)}.",
        f"The best, number {tuning.best}, {_tell_best(tuning)} on the rows from"
        f" {format_day(tuning.selected_since)} to {format_day(tuning.proved_since)}, which it was selected by:"
        f" {_name_extreme(tuning)} of many, which flatters it.",
        f"On {format_count(proof.n_rows, 'later row')} that selection did not use, to"
        f" {format_day(tuning.seen_until)}, it lost {_tell_figure(proof.loss, proof.low, proof.high)}"
        f"{_tell_difference(tuning)}",
    ]
    if proof.metric is not None:
        sentences.append(_tell_metric(proof.metric, is_declared=tuning.best == 0))
    if not tuning.is_adopted:
        by = "" if proof.metric is None else f" by its {_name_harm(tuning, proof.metric)}"
        sentences.append(f"There it was shown to be worse{by} than the declared parameters, which are kept.")
    sentences.append("No row of this lies among those that a gate judges.")
    if tuning.note:
        sentences.append(f"It ended before all trials: {tuning.note.rstrip('.')}.")
    return tuple(sentences)


def tell_parameters(tuning: Tuning) -> str:
    """Say the chosen parameters: strength = 0.054, n = 581."""
    return ", ".join(f"{name} = {_tell_value(value)}" for name, value in tuning.parameters.items())


def _tell_best(tuning: Tuning) -> str:
    lost = f"lost {format_number(tuning.best_loss)} ({name_loss(tuning.loss_name)})"
    metric = tuning.proof.metric
    if metric is None or tuning.best_metric is None:
        return lost
    return f"had a mean {_say_metric(metric)} of {format_number(tuning.best_metric)} and {lost}"


def _name_extreme(tuning: Tuning) -> str:
    metric = tuning.proof.metric
    return "the most" if metric is not None and metric.is_highest_best else "the least"


def _say_metric(metric: MetricProof) -> str:
    """Say a metric inside a sentence; a team's own name stays as it is."""
    said = name_metric(metric.name)
    return said if said.isupper() else said[:1].lower() + said[1:]


def _name_harm(tuning: Tuning, metric: MetricProof) -> str:
    return _say_metric(metric) if metric.shows_harm else name_loss(tuning.loss_name)


def _tell_metric(metric: MetricProof, *, is_declared: bool) -> str:
    found = f"Its {_say_metric(metric)} there was {_tell_figure(metric.value, metric.low, metric.high)}"
    if metric.difference is None or is_declared:
        return f"{found}."
    interval = tell_interval(metric.difference_low, metric.difference_high)
    way = "more" if metric.difference > 0 else "less"
    said = f"{found}, {format_number(abs(metric.difference))} {way} than with the declared parameters"
    return said + ("." if interval is None else f" (difference {interval}).")


def _tell_figure(value: float, low: float | None, high: float | None) -> str:
    interval = tell_interval(low, high)
    return format_number(value) + ("" if interval is None else f" ({interval}, 95 % by days)")


def _tell_difference(tuning: Tuning) -> str:
    proof = tuning.proof
    if proof.difference is None:
        return "; the recipe raised with the declared ones."
    if tuning.best == 0:
        return "; it is the declared one."
    interval = tell_interval(proof.difference_low, proof.difference_high)
    more = "more" if proof.difference > 0 else "less"
    said = f", {format_number(abs(proof.difference))} {more} than with the declared parameters"
    return said + ("." if interval is None else f" (difference {interval}).")


def _tell_value(value: Json) -> str:
    return format_number(value) if isinstance(value, float) else str(value)


def tabulate_trials(tuning: Tuning) -> Figures:
    """Return the trials below each other, the best first, then those that did not come to their end."""
    trials, metric = tuning.trials, tuning.proof.metric
    names = tuple(trials[0].parameters) if trials else ()
    ranked = sorted(trials, key=lambda trial: (trial.loss is None, _rank(trial, metric), trial.number))
    rows = tuple(_list_cells(trial, names, metric) for trial in ranked)
    strong = next((place for place, trial in enumerate(ranked) if trial.number == tuning.best), None)
    head = () if metric is None else (name_metric(metric.name),)
    header = ("Trial", *names, *head, "Loss", "First fold", "Seconds", "Note")
    return Figures("Trials, the best first", header, rows, strong=strong)


def _rank(trial: Trial, metric: MetricProof | None) -> float:
    if metric is None or trial.metric is None:
        return trial.loss or 0.0
    return -trial.metric if metric.is_highest_best else trial.metric


def _list_cells(trial: Trial, names: Sequence[str], metric: MetricProof | None) -> tuple[Cell, ...]:
    parameters = [_tell_value(trial.parameters[name]) for name in names]
    first = next(iter(trial.losses if metric is None else trial.metrics), None)
    ended = "" if trial.state is TrialState.COMPLETED else trial.state.value
    how = ended or ("cached" if trial.is_cached else None)
    found = (trial.loss,) if metric is None else (trial.metric, trial.loss)
    return (str(trial.number), *parameters, *found, first, f"{trial.wall_seconds:.2f}", how)


def draw_trials(tuning: Tuning) -> Chart:
    """Draw what each trial was chosen by in the order in which they were drawn, and as a line the best so far."""
    metric, rows, best = tuning.proof.metric, [], None
    choose = max if metric is not None and metric.is_highest_best else min
    for trial in tuning.trials:
        found, is_whole = _find_drawn(trial, tuning)
        if is_whole and found is not None:
            best = found if best is None else choose(best, found)
        if found is not None:
            rows.append({"trial": trial.number, "found": found, "best": best, "ended": trial.state.value})
    chart = plot_rows(rows).encode(x=alt.X("trial:Q", title="trial", axis=alt.Axis(tickMinStep=1, format="d")))
    y = alt.Y("found:Q", title=None, scale=alt.Scale(zero=False))
    drawing = alt.layer(
        chart.transform_filter("isValid(datum.best)")
        .mark_line(interpolate="step-after", strokeWidth=2, color=BLUE.light)
        .encode(y=alt.Y("best:Q", title=None, scale=alt.Scale(zero=False))),
        chart.mark_point(filled=True, size=46, opacity=0.9).encode(y=y, color=_color_states()),
    ).properties(width=WIDE, height=220)
    words = f"Number {tuning.best} {_tell_best(tuning)}: {_name_extreme(tuning)}."
    return finish_chart(drawing, title=entitle_trials(tuning), words=words)


def entitle_trials(tuning: Tuning) -> str:
    """Return the title of the drawing of the trials: what they were chosen by."""
    return f"{_name_drawn(tuning)} of each trial (pruned: of its first fold)"


def _find_drawn(trial: Trial, tuning: Tuning) -> tuple[float | None, bool]:
    """Return the figure that a trial is drawn with, and whether it is of both folds."""
    whole, parts = (trial.loss, trial.losses) if tuning.proof.metric is None else (trial.metric, trial.metrics)
    return (whole, True) if whole is not None else (next(iter(parts), None), False)


def _name_drawn(tuning: Tuning) -> str:
    metric = tuning.proof.metric
    return name_loss(tuning.loss_name).capitalize() if metric is None else name_metric(metric.name)


def draw_parameters(tuning: Tuning) -> tuple[Chart, ...]:
    """Draw for each parameter what the trials came to at each of its values."""
    return tuple(_draw_parameter(tuning, name) for name in tuning.parameters)


def _draw_parameter(tuning: Tuning, name: str) -> Chart:
    rows: list[dict[str, Any]] = [
        {"value": trial.parameters[name], "found": _find_drawn(trial, tuning)[0], "ended": trial.state.value}
        for trial in tuning.trials
        if trial.losses
    ]
    values = [row["value"] for row in rows]
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if is_number and values:
        is_log = min(values) > 0 and max(values) / min(values) > _LOG_FACTOR
        scale = alt.Scale(type="log") if is_log else alt.Scale(zero=False)
        x = alt.X("value:Q", title=None, scale=scale)
    else:
        rows = [row | {"value": str(row["value"])} for row in rows]
        x = alt.X("value:N", title=None)
    y = alt.Y("found:Q", title=None, scale=alt.Scale(zero=False))
    points = plot_rows(rows).mark_point(filled=True, size=46, opacity=0.9).encode(x=x, y=y, color=_color_states())
    words = f"Chosen: {_tell_value(tuning.parameters[name])}."
    title = f"{_name_drawn(tuning)} by {name}"
    return finish_chart(points.properties(width=WIDE, height=160), title=title, words=words)


def _color_states() -> alt.Color:
    colors = {TrialState.COMPLETED.value: BLUE.light, TrialState.PRUNED.value: MUTED.light}
    colors[TrialState.FAILED.value] = VERMILION.light
    return alt.Color("ended:N", scale=alt.Scale(domain=list(colors), range=list(colors.values())))


def render_tuning(tuning: Tuning) -> str:
    """Return a tuning as one HTML file."""
    sections = (
        Section(heading="In short", sentences=tell_tuning(tuning), charts=(draw_trials(tuning),)),
        Section(heading="Parameter by parameter", charts=draw_parameters(tuning)),
        Section(heading="All trials", tables=(tabulate_trials(tuning),)),
    )
    return render_report(f"A tuning of {format_count(len(tuning.trials), 'trial')}", sections)
