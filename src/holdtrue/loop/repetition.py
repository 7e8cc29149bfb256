"""Repetition: one step of a past run, done with what it was given then and the code of now; nothing of it is kept."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from holdtrue.data import History, load_snapshot
from holdtrue.domain import DATA, Json, Loop, Provenance, Run, Step, StepRecord
from holdtrue.errors import NotFound, StateConflict
from holdtrue.pipeline import MemoryCache, StepCache, recall_output
from holdtrue.store import Store

from .fitting import Fitter
from .fold import cut_folds
from .order import TrainingOrder
from .row_code import derive_rows

_SHOWN = 2000


@dataclass(frozen=True, kw_only=True)
class RepetitionOrder:
    """A step to be done again: of the run `run_id` of the loop that `loop_file` declares, in the store in `folder`."""

    folder: str
    loop_file: str
    run_id: str
    step: str


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """What a step returned when it was done again.

    Attributes:
        output: digest of what it returned, and `before` of what it had returned in the run.
        value: what it returned, as text, cut; the size of it for bytes.
        wall_seconds: how long it took.
    """

    run_id: str
    step: str
    output: str
    before: str
    value: str
    wall_seconds: float

    @property
    def is_equal(self) -> bool:
        """Say whether it returned the same."""
        return self.output == self.before


def repeat_step(loop: Loop, store: Store, order: RepetitionOrder) -> Repetition:
    """Do one step of a past run again, with the values that it was given in the last fit of that run.

    Raises:
        NotFound: no step has that name, or what it was given is no longer kept.
        StateConflict: the run did not come to its end.
    """
    with store.reading() as tx:
        run = tx.runs.read(order.run_id)
    past = _read_order(run)
    fitter = Fitter(loop=loop, cache=MemoryCache(), artifacts=store.artifacts)
    step = _find_step(fitter, order.step)
    records = {record.name: record for record in run.steps}  # the last of each name counts
    if step.name not in records:
        raise NotFound(f"the run {run.run_id[:12]} had no step {step.name}", expected=f"one of {', '.join(records)}")
    told = msgspec.convert(run.parameters.get("provenance", {}), Provenance)
    given = _recall_inputs(step, records, told.parameters, StepCache(store))
    known = _read_rows(derive_rows(load_snapshot(store, past.dataset, past.loop), loop), past, run)
    done = fitter.repeat(step, known, given=given, parameters=told.parameters)
    value, record = done.values[step.name], done.records[0]
    return Repetition(
        run_id=run.run_id,
        step=step.name,
        output=record.output,
        before=records[step.name].output,
        value=f"{len(value):,} bytes" if isinstance(value, bytes) else repr(value)[:_SHOWN],
        wall_seconds=record.wall_seconds,
    )


def _read_order(run: Run) -> TrainingOrder:
    if not run.steps or "order" not in run.parameters:
        raise StateConflict(f"the run {run.run_id[:12]} has no steps", expected="a training that came to its end")
    return msgspec.convert(run.parameters["order"], TrainingOrder)


def _find_step(fitter: Fitter, name: str) -> Step:
    steps = {step.name: step for step in fitter.recipe.steps}
    if name not in steps:
        near = difflib.get_close_matches(name, steps, n=1)
        raise NotFound(
            f"the loop has no step {name!r}",
            expected=f"one of {', '.join(steps)}",
            remedy=f"write {near[0]}" if near else "",
        )
    return steps[name]


def _recall_inputs(
    step: Step, records: Mapping[str, StepRecord], parameters: Mapping[str, Json], cache: StepCache
) -> dict[str, object]:
    given: dict[str, object] = {}
    for name in step.needs({DATA, *records, *parameters}):
        if name == DATA or name in parameters:
            continue
        if name not in records:
            raise NotFound(f"{step.name} takes {name}, which that run did not have", expected="a run with such a step")
        kept = recall_output(cache, records[name].key)
        if kept is None:
            found = f"what {name} returned in that run is no longer kept"
            raise NotFound(found, remedy="train once more: holdtrue gc --budget keeps the newest")
        given[name] = kept[0]
    return given


def _read_rows(history: History, past: TrainingOrder, run: Run) -> History:
    """Return the rows of the last fit of a run: all that was known, unless no refit followed the candidate."""
    known = history.known_at(past.as_of)
    if past.is_blind or past.catches_up:
        return known
    is_refresh = past.champion is not None and past.champion.lineage.code == run.code
    folds = cut_folds(known, past.champion, is_refresh=is_refresh, not_before=past.judged_from)
    # Not by the run's ruling: a refit that followed a candidate that passed may have failed itself.
    n_fits = sum(record.name == run.steps[-1].name for record in run.steps)
    return known if n_fits > len(folds) else folds[-1].select_known(known)
