"""Reproduction: a past training, done again from its kept order and rows, and compared with what came of it then."""

from dataclasses import dataclass, replace

import msgspec

from holdtrue.data import load_snapshot
from holdtrue.domain import Json, Provenance, Run, RunState, StepRecord
from holdtrue.errors import NotFound, StateConflict
from holdtrue.loop import EnvironmentTrainer, TrainingOrder, TrainingResult
from holdtrue.project.project import Project
from holdtrue.project.runs import RunDifference, compare_provenance

SEED = "seed"


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What came of a repetition: equal outputs of all steps, or the causes by which they differ.

    Attributes:
        run_id: the run that was done again.
        outputs: the outputs that differ.
        causes: code, parameter and library that are not what they were; or "seed", where nothing recorded differs.
    """

    run_id: str
    outputs: tuple[RunDifference, ...]
    causes: tuple[RunDifference, ...]

    @property
    def is_equal(self) -> bool:
        """Say whether each step returned the same bytes as then."""
        return not self.outputs


def reproduce_run(project: Project, run: Run) -> Reproduction:
    """Do a run again, past the cache, and compare; nothing is registered.

    Raises:
        StateConflict: the run did not come to its end, or trained nothing, so that there is nothing to compare with.
        NotFound: its rows are no longer kept.
        SourceError: its rows are a version of a table that is not there any more, or is not as it was.
        TrainingFailed: a step raised.
    """
    order = read_order(run)
    if not project.store.artifacts.has(order.dataset):
        raise NotFound(f"the rows of the run {run.run_id} ({order.dataset[:12]}) are no longer kept")
    # Rows that are a version of a table elsewhere may be gone: that is told here, and not by a training that failed.
    load_snapshot(project.store, order.dataset, order.loop)
    again = replace(order, folder=str(project.store.folder), loop_file=str(project.loop_file), is_repetition=True)
    result = EnvironmentTrainer(project.environment).submit(again).result()
    return _compare(run, result)


def read_order(run: Run) -> TrainingOrder:
    """Return the order of a run that came to its end; raises `StateConflict` for any other."""
    if run.state is not RunState.SUCCEEDED or not run.steps or "order" not in run.parameters:
        raise StateConflict(
            f"the run {run.run_id} {'was lost' if run.is_lost else 'is ' + run.state.value} and has no steps",
            expected="a training that came to its end",
            remedy="holdtrue runs lists them",
        )
    return msgspec.convert(run.parameters["order"], TrainingOrder)


def _compare(run: Run, result: TrainingResult) -> Reproduction:
    outputs = _differ(run.steps, result.steps)
    told = run.parameters.get("provenance")
    before = Provenance() if told is None else msgspec.convert(told, Provenance)
    causes = compare_provenance(before, result.provenance or Provenance())
    if outputs and not causes:
        causes = (RunDifference(kind=SEED, name="a step draws at random and fixes no seed", first=None, second=None),)
    return Reproduction(run_id=run.run_id, outputs=outputs, causes=causes)


def _differ(before: tuple[StepRecord, ...], after: tuple[StepRecord, ...]) -> tuple[RunDifference, ...]:
    found = []
    for place in range(max(len(before), len(after))):
        one, other = _read(before, place), _read(after, place)
        if one != other:
            name = (before[place] if place < len(before) else after[place]).name
            found.append(RunDifference(kind="output", name=f"{place + 1}. {name}", first=one, second=other))
    return tuple(found)


def _read(records: tuple[StepRecord, ...], place: int) -> Json:
    return records[place].output if place < len(records) else None
