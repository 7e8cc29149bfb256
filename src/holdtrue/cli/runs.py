"""runs and gc: what the trainings were made with, took and brought; and what of them may be thrown away."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from holdtrue.domain import StepRecord, Tuning, choose_last, format_count
from holdtrue.errors import NotFound
from holdtrue.project import (
    Project,
    RunView,
    TrackingServer,
    compare_runs,
    export_runs,
    find_pair,
    find_run,
    list_runs,
    open_project,
    read_logs,
    read_patch,
    read_runs,
    stop_run,
    view_run,
    write_figures,
)

from .console import print_figures, print_json, print_table, progress_bar, say

LoopFile = Annotated[Path, typer.Option("--loop", help="The file that declares the loop.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
LOOP_FILE = Path("loop.py")
N_DIGITS = 12
EXIT_REFUSED_SOME = 3

runs = typer.Typer()


@runs.callback(invoke_without_command=True)
def show_all(context: typer.Context, loop_file: LoopFile = LOOP_FILE, json: AsJson = False) -> None:
    """List the runs of a loop, newest first; or show one, or compare two."""
    if context.invoked_subcommand is not None:
        return
    with open_project(loop_file) as project:
        found = list_runs(project)
        name = project.loop.name
    if json:
        print_json({"loop": name, "runs": found})
    elif found:
        columns = ("run", "state", "as of", "seconds", "steps", "cached", "result", "reason")
        print_table(f"Runs of {name}", columns, [_tell_row(run) for run in found])
    else:
        say(f"{name} was never trained.")


@runs.command("show")
def show_one(
    run: Annotated[
        str | None, typer.Argument(help="The id of a run, or its first digits. Left out: the newest.")
    ] = None,
    loop_file: LoopFile = LOOP_FILE,
    logs: Annotated[bool, typer.Option("--logs", help="What each step printed: its first and its last.")] = False,
    patch: Annotated[bool, typer.Option("--patch", help="In what the code differed from its commit.")] = False,
    figures: Annotated[Path | None, typer.Option(help="A folder to write the figures of the run into.")] = None,
    json: AsJson = False,
    report: Annotated[Path | None, typer.Option(help="Of a tuning: write an HTML report with pictures here.")] = None,
) -> None:
    """Show what a run was made with, what its steps did and printed, and what came of it; of a tuning, its trials."""
    from holdtrue.report import check_targets

    check_targets(report)
    with open_project(loop_file) as project:
        found = view_run(project, find_run(project, run))
        asked = _read_asked(project, found, logs=logs, patch=patch, figures=figures)
    if report is not None:
        _write_report(found, report)
    if json:
        print_json({**msgspec.to_builtins(found), **asked} if asked else found)
        return
    for name, value in _tell_facts(found):
        say(f"{name:<12} {value}")
    if found.steps:
        rows = [_tell_step(step) for step in found.steps]
        print_table("Steps", ("step", "how", "seconds", "attempts", "output"), rows)
    if found.tuning is not None:
        _print_tuning(found.tuning, with_trials=found.tuning.run_id == found.run_id)
    if found.error:
        say(found.error.rstrip())
    for log in asked.get("logs", ()):
        say(f"\n{log.step} printed {log.n_printed:,} characters:")
        say("They are no longer kept." if log.text is None else log.text.rstrip())
    if patch:
        say("\n" + (asked["patch"] or "No difference is kept.").rstrip())
    for path in asked.get("figure_files", ()):
        say(path)


def _read_asked(project: Project, found: RunView, *, logs: bool, patch: bool, figures: Path | None) -> dict[str, Any]:
    """Return what was asked for beside the facts of a run."""
    asked: dict[str, Any] = {}
    if logs:
        asked["logs"] = read_logs(project, found)
    if patch:
        asked["patch"] = read_patch(project, found)
    if figures is not None:
        asked["figure_files"] = [str(path) for path in write_figures(project, found, figures)]
    return asked


@runs.command("diff")
def compare(
    first: Annotated[
        str | None, typer.Argument(help="The id of a run, or its first digits. Left out: the one before the newest.")
    ] = None,
    second: Annotated[str | None, typer.Argument(help="That of another. Left out: the newest.")] = None,
    loop_file: LoopFile = LOOP_FILE,
    json: AsJson = False,
) -> None:
    """Say in what two runs differ: code step by step, data, parameters, what was installed, metrics and result."""
    with open_project(loop_file) as project:
        pair = [view_run(project, run) for run in find_pair(project, first, second)]
    found = compare_runs(pair[0], pair[1])
    if json:
        print_json({"first": pair[0].run_id, "second": pair[1].run_id, "differences": found})
    elif found:
        rows = [(each.kind, each.name, _cut(each.first), _cut(each.second)) for each in found]
        print_table("Differences", ("of", "name", pair[0].run_id[:N_DIGITS], pair[1].run_id[:N_DIGITS]), rows)
    else:
        say("They differ in nothing.")


@runs.command("stop")
def stop(
    run: Annotated[str, typer.Argument(help="The id of a run, or its first digits.")],
    loop_file: LoopFile = LOOP_FILE,
    json: AsJson = False,
) -> None:
    """Stop a run that is under way, whoever does it; its work is ended and another process does not take it over."""
    with open_project(loop_file) as project:
        wanted = find_run(project, run)
        sentence = stop_run(project, wanted)
    if json:
        print_json({"run_id": wanted.run_id, "sentence": sentence})
        return
    say(sentence)


@runs.command("export")
def export(
    to: Annotated[str, typer.Option(help="The MLflow tracking server, such as http://127.0.0.1:5000.")],
    run: Annotated[str | None, typer.Argument(help="The id of a run, or its first digits. Left out: all.")] = None,
    loop_file: LoopFile = LOOP_FILE,
    json: AsJson = False,
) -> None:
    """Write runs that have ended, with the versions that they brought, to an MLflow tracking server.

    A run that the server refuses is named, the others are written, and the exit code is 3.
    """
    server = TrackingServer(to)
    with open_project(loop_file) as project, progress_bar("exporting"):
        found = export_runs(project, read_runs(project) if run is None else [find_run(project, run)], server)
    refused = [each for each in found if each.error is not None]
    if json:
        print_json({"to": to, "runs": found})
    else:
        say(f"{sum(each.is_new for each in found)} runs are written to {to}, of {len(found)} that have ended.")
        for each in refused:
            say(f"The run {each.run_id[:N_DIGITS]} was refused: {each.error}")
    if refused:
        raise typer.Exit(EXIT_REFUSED_SOME)


def _write_report(found: RunView, path: Path) -> None:
    from holdtrue.report import render_tuning, write_text

    if found.tuning is None:
        raise NotFound(f"the run {found.run_id[:N_DIGITS]} has no trials to draw", expected="a tuning that has ended")
    write_text(path, render_tuning(found.tuning))


def _print_tuning(tuning: Tuning, *, with_trials: bool) -> None:
    from holdtrue.report import tabulate_trials, tell_tuning

    if with_trials:
        print_figures(tabulate_trials(tuning))
    else:
        say(f"Its parameters were tuned by the run {tuning.run_id[:N_DIGITS]}.")
    for sentence in tell_tuning(tuning):
        say(sentence)


def _tell_row(run: RunView) -> tuple[object, ...]:
    cached = sum(step.is_cached for step in run.steps)
    seconds = "" if run.cost is None else f"{run.cost.wall_seconds:.1f}"
    result = run.result.get("version")
    told = str(run.result.get("ruling", "")) if result is None else f"v{result} {run.result.get('ruling', '')}"
    if (trials := run.result.get("trials")) is not None:
        told = f"{format_count(len(trials), 'trial')}"
    moment = f"{run.as_of:%Y-%m-%d %H:%M}"
    return (run.run_id[:N_DIGITS], run.state, moment, seconds, len(run.steps), cached, told, run.reason)


def _tell_step(step: StepRecord) -> tuple[object, ...]:
    how = "cached" if step.is_cached else "run"
    return (step.name, how, f"{step.wall_seconds:.3f}", step.n_attempts, step.output[:N_DIGITS])


def _tell_facts(run: RunView) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("run", run.run_id),
        ("state", run.state),
        ("started by", run.reason),
        ("worker", run.worker or "unknown"),
        ("as of", run.as_of.isoformat()),
        ("data", f"{run.dataset or 'none'}" + ("" if run.n_rows is None else f", {format_count(run.n_rows, 'row')}")),
        ("code", run.code or "unknown: it did not come to its end"),
    ]
    if run.checkout is not None:
        facts.append(("git", run.checkout.commit + (", with changes" if run.checkout.is_dirty else "")))
        facts += [("withheld", name) for name in run.checkout.withheld]
        facts += [("untracked", name) for name in run.checkout.untracked]
    if run.provenance is not None:
        facts += [(f"  {name}", code) for name, code in run.provenance.codes.items()]
        facts += [("parameter", f"{name} = {value}") for name, value in run.provenance.parameters.items()]
        facts.append(("libraries", ", ".join(run.provenance.libraries)))
    if run.installation is not None:
        n_installed = len(run.installation.distributions)
        facts.append(("installed", f"python {run.installation.python}, {n_installed} distributions"))
        facts.append(("platform", run.installation.platform))
    facts += _tell_noted(run)
    if run.cost is not None:
        peak = run.cost.peak_memory_bytes / 2**20
        price = "" if run.price is None else f", {run.price:.4f} {run.currency}"
        seconds = f"{run.cost.wall_seconds:.2f} s, {run.cost.cpu_seconds:.2f} s CPU"
        facts.append(("took", f"{seconds}, {peak:,.0f} MiB{price}"))
    told = {"result": f"{len(run.result['trials'])} trials so far"} if "trials" in run.result else run.result
    if run.tuning is None or run.tuning.run_id != run.run_id:
        facts += [("result", f"{name} = {value}") for name, value in told.items()]
    return facts


def _tell_noted(run: RunView) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [("noted", f"{name} = {value}") for name, value in run.parameters.items()]
    facts += [("metric", f"{name} = {'not finite' if v is None else f'{v:.6g}'}") for name, v in run.metrics.items()]
    for each in choose_last(run.steps, run.notes):
        facts += [("figure", f"{each.step}: {figure.name} ({figure.kind})") for figure in each.figures]
        if each.log is not None:
            facts.append(("printed", f"{each.step}: {format_count(each.n_printed, 'character')}"))
    return facts


def _cut(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.add_typer(runs, name="runs")
