"""Tuning: the trials of a tuning as sentences, a table and pictures."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from holdtrue.domain import Json, Trial, TrialState, Tuning, format_count
from holdtrue.report.chart import WIDE, Chart, finish_chart, plot_rows
from holdtrue.report.figures import Cell, Figures
from holdtrue.report.page import Section, render_report
from holdtrue.report.palette import BLUE, MUTED, VERMILION
from holdtrue.report.reliability import tell_interval
from holdtrue.report.words import format_day, format_number, name_loss

_LOG_FACTOR = 20  # a parameter whose values span more is drawn by factors


def tell_tuning(tuning: Tuning) -> tuple[str, ...]:
    """Say what was chosen, that the best of many trials flatters itself, and what later rows say of it."""
    loss, proof = name_loss(tuning.loss_name), tuning.proof
    counted = ", ".join(f"{tuning.count(state)} {state.value}" for state in TrialState if tuning.count(state))
    sentences = [
        f"{format_count(len(tuning.trials), 'trial')} ({counted}) chose {tell_parameters(tuning)}.",
        f"The best, number {tuning.best}, lost {format_number(tuning.best_loss)} ({loss}) on the rows from"
        f" {format_day(tuning.selected_since)} to {format_day(tuning.proved_since)}, which it was selected by:"
        " the least of many, which flatters it.",
        f"On {format_count(proof.n_rows, 'later row')} that selection did not use, to"
        f" {format_day(tuning.seen_until)}, it lost {_tell_loss(proof.loss, proof.low, proof.high)}"
        f"{_tell_difference(tuning)}",
    ]
    if not tuning.is_adopted:
        sentences.append("There it was shown to be worse than the declared parameters, which are kept.")
    sentences.append("No row of this lies among those that a gate judges.")
    if tuning.note:
        sentences.append(f"It ended before all trials: {tuning.note.rstrip('.')}.")
    return tuple(sentences)


def tell_parameters(tuning: Tuning) -> str:
    """Say the chosen parameters: strength = 0.054, n = 581."""
    return ", ".join(f"{name} = {_tell_value(value)}" for name, value in tuning.parameters.items())


def _tell_loss(loss: float, low: float | None, high: float | None) -> str:
    interval = tell_interval(low, high)
    return format_number(loss) + ("" if interval is None else f" ({interval}, 95 % by days)")


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


def tabulate_trials(trials: Sequence[Trial], *, best: int | None = None) -> Figures:
    """Return the trials below each other, the least loss first, then those that did not come to their end."""
    names = tuple(trials[0].parameters) if trials else ()
    ranked = sorted(trials, key=lambda trial: (trial.loss is None, trial.loss or 0.0, trial.number))
    rows = tuple(_list_cells(trial, names) for trial in ranked)
    strong = next((place for place, trial in enumerate(ranked) if trial.number == best), None)
    header = ("Trial", *names, "Loss", "First fold", "Seconds", "Note")
    return Figures("Trials, the best first", header, rows, strong=strong)


def _list_cells(trial: Trial, names: Sequence[str]) -> tuple[Cell, ...]:
    parameters = [_tell_value(trial.parameters[name]) for name in names]
    first = trial.losses[0] if trial.losses else None
    ended = "" if trial.state is TrialState.COMPLETED else trial.state.value
    how = ended or ("cached" if trial.is_cached else None)
    return (str(trial.number), *parameters, trial.loss, first, f"{trial.wall_seconds:.2f}", how)


def draw_trials(tuning: Tuning) -> Chart:
    """Draw the loss of each trial in the order in which they were drawn, and as a line the least so far."""
    rows, least = [], None
    for trial in tuning.trials:
        if trial.loss is not None:
            least = trial.loss if least is None else min(least, trial.loss)
        if trial.losses:
            loss = trial.losses[0] if trial.loss is None else trial.loss
            rows.append({"trial": trial.number, "loss": loss, "least": least, "ended": trial.state.value})
    chart = plot_rows(rows).encode(x=alt.X("trial:Q", title="trial", axis=alt.Axis(tickMinStep=1, format="d")))
    y = alt.Y("loss:Q", title=None, scale=alt.Scale(zero=False))
    drawing = alt.layer(
        chart.transform_filter("isValid(datum.least)")
        .mark_line(interpolate="step-after", strokeWidth=2, color=BLUE.light)
        .encode(y=alt.Y("least:Q", title=None, scale=alt.Scale(zero=False))),
        chart.mark_point(filled=True, size=46, opacity=0.9).encode(y=y, color=_color_states()),
    ).properties(width=WIDE, height=220)
    title = f"{name_loss(tuning.loss_name).capitalize()} of each trial (pruned: of its first fold)"
    words = f"Number {tuning.best} lost least: {format_number(tuning.best_loss)}."
    return finish_chart(drawing, title=title, words=words)


def draw_parameters(tuning: Tuning) -> tuple[Chart, ...]:
    """Draw for each parameter what the trials lost at each of its values."""
    return tuple(_draw_parameter(tuning, name) for name in tuning.parameters)


def _draw_parameter(tuning: Tuning, name: str) -> Chart:
    rows: list[dict[str, Any]] = [
        {
            "value": trial.parameters[name],
            "loss": trial.losses[0] if trial.loss is None else trial.loss,
            "ended": trial.state.value,
        }
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
    y = alt.Y("loss:Q", title=None, scale=alt.Scale(zero=False))
    points = plot_rows(rows).mark_point(filled=True, size=46, opacity=0.9).encode(x=x, y=y, color=_color_states())
    words = f"Chosen: {_tell_value(tuning.parameters[name])}."
    title = f"{name_loss(tuning.loss_name).capitalize()} by {name}"
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
        Section(heading="All trials", tables=(tabulate_trials(tuning.trials, best=tuning.best),)),
    )
    return render_report(f"A tuning of {format_count(len(tuning.trials), 'trial')}", sections)
