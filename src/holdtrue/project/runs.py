"""Runs: what the runs of a loop were made with, took and brought, and where two of them differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

import msgspec

from holdtrue.domain import (
    WEIGHT,
    Checkout,
    Installation,
    Json,
    Provenance,
    Run,
    RunCost,
    RunState,
    StepNotes,
    StepRecord,
    Tuning,
    choose_last,
)
from holdtrue.errors import NotFound, StateConflict
from holdtrue.loop import stop_run as record_stop
from holdtrue.project.project import Project
from holdtrue.project.settings import read_settings
from holdtrue.project.tuning import read_tuning
from holdtrue.store import Transaction

LOST = "lost"
_MOST_TOLD, _MOST_LETTERS = 3, 40  # runs that an error names, and letters of the reason of each


@dataclass(frozen=True, kw_only=True)
class RunView:
    """A run as people see it.

    Attributes:
        state: submitted, running, succeeded, failed or lost.
        reason: what started it.
        n_rows: rows of its dataset; None when the dataset is not in the store.
        price: what its CPU time cost, by `core_hour` under `[tool.holdtrue.cost]`; None where that is not said.
        provenance: what it was made with; None for a run that did not come to its end.
        checkout: the git commit of the project when it began, and what differed from it; None without git.
        installation: what was installed where it was done; None for a run whose process could not tell.
        notes: what its steps noted down and printed.
        metrics: what the gate measured, and what steps noted in the last fit, by name.
        parameters: what steps noted in the last fit; what the loop declares stands in the provenance.
        tuning: what it found, where the run was one, or what chose its parameters; None for the declared ones.
    """

    run_id: str
    state: str
    reason: str
    as_of: datetime
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    dataset: str | None
    n_rows: int | None
    code: str | None
    steps: tuple[StepRecord, ...]
    cost: RunCost | None
    price: float | None
    currency: str
    provenance: Provenance | None
    checkout: Checkout | None
    installation: Installation | None
    notes: tuple[StepNotes, ...]
    metrics: Mapping[str, float | None]
    parameters: Mapping[str, Json]
    result: Mapping[str, Json]
    error: str | None
    tuning: Tuning | None = None


KEPT, NOT_KEPT = "kept", "not kept"


@dataclass(frozen=True, kw_only=True)
class RunDifference:
    """One thing in which two runs differ.

    `kind` is code, data, parameter, library, installed, commit, metric, figure or result. Where only one of the runs
    kept such things the name is "all", and the sides are "kept" and "not kept".
    """

    kind: str
    name: str
    first: Json
    second: Json


def read_runs(project: Project) -> list[Run]:
    """Return the runs of the project's loop, oldest first."""
    with project.store.reading() as tx:
        return tx.runs.all(project.loop.name)


def list_runs(project: Project) -> list[RunView]:
    """Return the runs of the project's loop, newest first."""
    return [view_run(project, run) for run in reversed(read_runs(project))]


def find_run(project: Project, wanted: str | None) -> Run:
    """Return the run of an id, or of its first digits where these are one run's alone; the newest for None.

    Raises:
        NotFound: there is none, or several; names those that are nearest, or the newest.
    """
    runs = read_runs(project)
    if not runs:
        raise _miss_runs(project, "no run")
    if wanted is None:
        return runs[-1]
    found = [run for run in runs if run.run_id == wanted] or [run for run in runs if run.run_id.startswith(wanted)]
    if len(found) == 1 and wanted:
        return found[0]
    are_several = bool(found) and bool(wanted)
    near = found if are_several else _list_nearest(runs, wanted)
    told = "; ".join(_tell_briefly(run) for run in reversed(near[-_MOST_TOLD:]))
    kind = "of those" if are_several else "the nearest" if near else "the newest"
    newest = "; ".join(_tell_briefly(run) for run in reversed(runs[-_MOST_TOLD:]))
    raise NotFound(
        f"{len(found) if are_several else 'no'} runs of {project.loop.name} are called {wanted!r}",
        expected=f"the id of one run, or its first digits; {kind}: {told or newest}",
        remedy="holdtrue runs lists them",
    )


def find_pair(project: Project, first: str | None, second: str | None) -> tuple[Run, Run]:
    """Return two runs to be compared: the second is the newest unless it is said, and the first the one before that.

    Raises:
        NotFound: see `find_run`; or nothing is said and there is one run alone.
    """
    if first is None:
        runs = read_runs(project)
        if len(runs) < 2:
            raise _miss_runs(project, "one run" if runs else "no run")
        return runs[-2], runs[-1]
    return find_run(project, first), find_run(project, second)


def _miss_runs(project: Project, there: str) -> NotFound:
    return NotFound(f"there is {there} of {project.loop.name}", remedy=f"run holdtrue train {project.loop_file.name}")


def _list_nearest(runs: Sequence[Run], wanted: str) -> list[Run]:
    """Return the runs whose ids begin nearly so, the nearest last."""
    begin = {run.run_id[: max(1, len(wanted))]: run for run in runs}
    return [begin[each] for each in reversed(get_close_matches(wanted.casefold(), list(begin), n=_MOST_TOLD))]


def _tell_briefly(run: Run) -> str:
    reason = run.reason if len(run.reason) <= _MOST_LETTERS else f"{run.reason[:_MOST_LETTERS]}..."
    return f"{run.run_id[:12]} ({LOST if run.is_lost else run.state.value}, {run.as_of:%Y-%m-%d %H:%M}, {reason})"


def stop_run(project: Project, run: Run) -> str:
    """Stop a run that is under way, whoever does it and wherever it hangs; return a sentence.

    Its worker sees it within a second and ends the work and all that it started. A controller goes on without it; a
    tuning ends with the trials that it has, and a backfill with the windows.

    Raises:
        StateConflict: the run has ended already.
    """
    if run.state not in {RunState.SUBMITTED, RunState.RUNNING}:
        raise StateConflict(f"the run {run.run_id[:12]} has {run.state.value} already", expected="one under way")
    now = project.clock.now()
    with project.store.transaction() as tx:
        run = tx.runs.read(run.run_id)  # a tuning's changes with each of its trials
        record_stop(tx, run, actor="person", reason="ordered by a person", now=now)
    return f"The run {run.run_id[:12]} was stopped."


def view_run(project: Project, run: Run) -> RunView:
    """Return a run as people see it."""
    terms = read_settings(project.folder).cost
    with project.store.reading() as tx:
        records = {record.digest: record for record in tx.datasets.all(run.loop)}
        tuning = read_tuning(tx, run)
        measured = _read_measured(tx, run)
    last = choose_last(run.steps, run.notes)
    record = records.get(run.dataset or "")
    hours = None if run.cost is None else run.cost.cpu_seconds / 3600
    told, checkout = run.parameters.get("provenance"), run.parameters.get("checkout")
    return RunView(
        run_id=run.run_id,
        state=LOST if run.is_lost else run.state.value,
        reason=run.reason,
        as_of=run.as_of,
        started_at=run.started_at,
        ended_at=run.ended_at,
        worker=run.lease_owner,
        dataset=run.dataset,
        n_rows=None if record is None else record.n_rows,
        code=run.code,
        steps=run.steps,
        cost=run.cost,
        price=None if hours is None or terms.core_hour is None else hours * terms.core_hour,
        currency=terms.currency,
        provenance=None if told is None else msgspec.convert(told, Provenance),
        checkout=None if checkout is None else msgspec.convert(checkout, Checkout),
        installation=_read_installation(project, run.parameters.get("installation")),
        notes=run.notes,
        metrics={**measured, **{name: value for each in last for name, value in each.metrics.items()}},
        parameters={name: value for each in last for name, value in each.parameters.items()},
        result=run.result,
        error=run.error if run.state is RunState.FAILED else None,
        tuning=tuning,
    )


def compare_runs(first: RunView, second: RunView) -> tuple[RunDifference, ...]:
    """Return all in which two runs differ that has a part in their results, and the results; no times and no logs."""
    one, other = first.provenance, second.provenance
    made_with = compare_provenance(one or Provenance(), other or Provenance())
    if (one is None) is not (other is None):  # all of it would differ
        made_with = (_tell_absence("code", is_first=one is None),)
    found = [
        *_differ("data", _tell_data(first), _tell_data(second)),
        *made_with,
        *_differ_if_kept("parameter", _tell_noted(first, first.parameters), _tell_noted(second, second.parameters)),
        *_differ_if_kept("installed", _tell_installed(first), _tell_installed(second)),
        *_differ_if_kept("commit", _tell_commit(first), _tell_commit(second)),
        *_differ_if_kept("metric", _tell_noted(first, first.metrics), _tell_noted(second, second.metrics)),
        *_differ_if_kept(
            "figure", _tell_noted(first, _tell_figures(first)), _tell_noted(second, _tell_figures(second))
        ),
        *_differ("result", _tell_result(first), _tell_result(second)),
    ]
    return tuple(found)


def compare_provenance(first: Provenance, second: Provenance) -> tuple[RunDifference, ...]:
    """Return in which code, parameters and libraries two runs differ."""
    found = [
        *_differ("code", first.codes, second.codes),
        *_differ("parameter", first.parameters, second.parameters),
        *_differ("library", _split(first.libraries), _split(second.libraries)),
    ]
    return tuple(found)


def _differ(kind: str, first: Mapping[str, Json], second: Mapping[str, Json]) -> Iterator[RunDifference]:
    for name in dict.fromkeys([*first, *second]):
        if first.get(name) != second.get(name):
            yield RunDifference(kind=kind, name=name, first=first.get(name), second=second.get(name))


def _differ_if_kept(
    kind: str, first: Mapping[str, Json] | None, second: Mapping[str, Json] | None
) -> Iterator[RunDifference]:
    """Yield the differences; where one side has kept nothing there are none to be known, and that is said."""
    if first is not None and second is not None:
        yield from _differ(kind, first, second)
    elif first or second:
        yield _tell_absence(kind, is_first=first is None)


def _tell_absence(kind: str, *, is_first: bool) -> RunDifference:
    return RunDifference(
        kind=kind, name="all", first=NOT_KEPT if is_first else KEPT, second=KEPT if is_first else NOT_KEPT
    )


def _tell_noted(view: RunView, noted: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """Return what was noted; None for a run that kept none of it. One that keeps notes keeps what was installed too."""
    return None if view.installation is None and not noted else noted


def _tell_data(view: RunView) -> dict[str, Json]:
    return {"dataset": view.dataset, "rows": view.n_rows, "as of": view.as_of.isoformat()}


def _tell_commit(view: RunView) -> dict[str, Json] | None:
    checkout = view.checkout
    if checkout is None:
        return None
    changes = f" and changes {(checkout.patch or '')[:12]}".rstrip()
    return {"git": checkout.commit + (changes if checkout.is_dirty else ""), "untracked": list(checkout.untracked)}


def _tell_installed(view: RunView) -> dict[str, Json] | None:
    installation = view.installation
    if installation is None:
        return None
    return {"python": installation.python, "platform": installation.platform, **installation.distributions}


def _tell_figures(view: RunView) -> dict[str, Json]:
    return {figure.name: figure.artifact for each in choose_last(view.steps, view.notes) for figure in each.figures}


def _tell_result(view: RunView) -> dict[str, Json]:
    models = [step.output for step in view.steps if step.name == view.steps[-1].name]
    return {"state": view.state, **view.result, "models": models, "error": view.error}


def _split(libraries: tuple[str, ...]) -> dict[str, str]:
    return {name: version for name, _, version in (each.rpartition(" ") for each in libraries)}


def _read_measured(tx: Transaction, run: Run) -> dict[str, float]:
    """Return what the gate measured in a run: it stands with the version that the run brought."""
    number, order = run.result.get("version"), run.parameters.get("order", {})
    if number is None or order.get("catches_up"):  # a catch-up is not measured: its figures are its champion's
        return {}
    metrics = tx.versions.read(run.loop, int(number)).metrics
    return {name: value for name, value in metrics.items() if not name.startswith(WEIGHT)}


def _read_installation(project: Project, digest: str | None) -> Installation | None:
    artifacts = project.store.artifacts
    if digest is None or not artifacts.has(digest):
        return None
    return msgspec.json.decode(artifacts.get(digest), type=Installation)
