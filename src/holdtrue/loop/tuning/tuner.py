"""Tuner: trials one after another, or several at a time, in an order that the seed and their number at a time give."""

import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field

from holdtrue.domain import Json, Trial, TrialState, Tune
from holdtrue.errors import FormatRefused, HoldtrueError, LabelError, StatisticsError, TrainingFailed
from holdtrue.loop.fold import Fold

from .draw import draw_parameters
from .order import TrialResult

# A trial is pruned when its first part is worse than the median of so many that came before it, or more.
MIN_TRIALS_TO_PRUNE = 5
_OF_A_TRIAL = (TrainingFailed, FormatRefused, LabelError, StatisticsError)


def _await_first(futures: Collection["Future[TrialResult]"]) -> Collection["Future[TrialResult]"]:
    return wait(futures, return_when=FIRST_COMPLETED).done


@dataclass
class _Flight:
    """A trial under way: what it was drawn with, what it may be pruned by, and the parts that are done."""

    number: int
    parameters: Mapping[str, Json]
    median: float | None
    parts: list[TrialResult] = field(default_factory=list)

    def end(self, state: TrialState, *, error: str | None = None) -> Trial:
        parts, is_whole = self.parts, state is TrialState.COMPLETED
        metrics = tuple(part.metric for part in parts if part.metric is not None)
        return Trial(
            number=self.number,
            parameters=self.parameters,
            state=state,
            losses=tuple(part.loss for part in parts),
            loss=self._average([part.loss for part in parts]) if is_whole else None,
            metrics=metrics,
            metric=self._average(metrics) if is_whole and metrics else None,
            wall_seconds=sum(part.cost.wall_seconds for part in parts),
            cpu_seconds=sum(part.cost.cpu_seconds for part in parts),
            peak_memory_bytes=max((part.cost.peak_memory_bytes for part in parts), default=0),
            is_cached=bool(parts) and all(part.is_cached for part in parts),
            error=error,
        )

    def _average(self, figures: Sequence[float]) -> float:
        """Return the mean of what each part brought, by its rows."""
        rows = [part.n_rows for part in self.parts]
        return sum(figure * n_rows for figure, n_rows in zip(figures, rows, strict=True)) / sum(rows)


@dataclass(kw_only=True)
class Tuner:
    """Runs the trials of a tuning.

    Trial k is drawn when the trials up to k - n_parallel have ended, and from these alone, whatever else has ended by
    then. So the same seed and the same number at a time give the same trials, however fast each of them is.

    Attributes:
        tune: what is looked for.
        declared: what the loop declares, which the first trial tries.
        folds: what each trial is judged on.
        submit: begins to fit with parameters and to judge on a fold.
        n_parallel: how many trials run at a time.
        find_end: returns why no further trial may begin, "" while one may.
        on_trial: is told of all trials whenever one has ended.
        await_first: waits until some of the parts under way have ended, and returns them; what it raises ends the run.
    """

    tune: Tune
    declared: Mapping[str, Json]
    folds: Sequence[Fold]
    submit: Callable[[Mapping[str, Json], Fold], "Future[TrialResult]"]
    n_parallel: int = 1
    find_end: Callable[[Sequence[Trial]], str] = lambda _: ""
    on_trial: Callable[[Sequence[Trial]], None] = lambda _: None
    await_first: Callable[[Collection["Future[TrialResult]"]], Collection["Future[TrialResult]"]] = _await_first
    note: str = ""

    def run(self, done: Sequence[Trial] = ()) -> tuple[Trial, ...]:
        """Run the trials that are not done yet; return all, in order. `note` says why there are fewer than declared.

        Raises:
            HoldtrueError: the store, the environment or the declaration is at fault; a trial that fails is kept.
        """
        trials = {trial.number: trial for trial in done}
        flying: dict[Future[TrialResult], _Flight] = {}
        while True:
            while (flight := self._begin(trials, [each.number for each in flying.values()], flying)) is not None:
                flying[self.submit(flight.parameters, self.folds[0])] = flight
            if not flying:
                return _order(trials)
            for future in self.await_first(flying):
                flight = flying.pop(future)
                ended = self._hear(flight, future)
                if ended is None:
                    flying[self.submit(flight.parameters, self.folds[len(flight.parts)])] = flight
                else:
                    trials[ended.number] = ended
                    self.on_trial(_order(trials))

    def _begin(
        self, trials: Mapping[int, Trial], numbers: Sequence[int], flying: Mapping["Future[TrialResult]", _Flight]
    ) -> _Flight | None:
        """Return the next trial to begin; None while it has to wait for others, or when there is none."""
        number = next(n for n in range(len(trials) + len(numbers) + 1) if n not in trials and n not in numbers)
        last = number - self.n_parallel
        if number >= self.tune.n_trials or len(numbers) >= self.n_parallel:
            return None
        if any(n not in trials for n in range(last + 1)):
            return None
        self.note = self.note or self.find_end(_order(trials))
        if self.note:
            return None
        known = [trials[n] for n in range(last + 1)]
        drawn = {each.number: each.parameters for each in flying.values()}
        drawn |= {each.number: each.parameters for each in trials.values()}
        under_way = [drawn[n] for n in range(max(0, last + 1), number)]
        parameters = draw_parameters(self.tune, number, declared=self.declared, known=known, under_way=under_way)
        firsts = [self.tune.rank_parts(trial)[0] for trial in known if trial.losses]
        median = statistics.median(firsts) if len(firsts) >= MIN_TRIALS_TO_PRUNE else None
        return _Flight(number=number, parameters=parameters, median=median)

    def _hear(self, flight: _Flight, future: "Future[TrialResult]") -> Trial | None:
        """Take what a part of a trial brought; return the trial if it has ended."""
        problem = future.exception()
        if isinstance(problem, _OF_A_TRIAL):
            return flight.end(TrialState.FAILED, error=_tell(problem))
        if problem is not None:
            raise problem
        flight.parts.append(future.result())
        if len(flight.parts) == len(self.folds):
            return flight.end(TrialState.COMPLETED)
        first = flight.parts[0]
        if flight.median is not None and self.tune.rank(first.loss, first.metric) > flight.median:
            return flight.end(TrialState.PRUNED)
        return None


def _order(trials: Mapping[int, Trial]) -> tuple[Trial, ...]:
    return tuple(trials[number] for number in sorted(trials))


def _tell(problem: HoldtrueError) -> str:
    return problem.found[:500]
