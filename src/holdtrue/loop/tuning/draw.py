"""Draw: the parameters of the next trial, from the seed, its number and the trials that it may know of. Nothing else.

Optuna's sampler (TPE, Bergstra et al. 2011) is given a study in memory that is laid anew for each trial. So a tuning
that was killed draws on as if it had not been, and the store's own record of trials is the only one.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from holdtrue.domain import Between, Integers, Json, Range, Trial, TrialState, Tune
from holdtrue.errors import DeclarationError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


def draw_parameters(
    tune: Tune,
    number: int,
    *,
    declared: Mapping[str, Json],
    known: Sequence[Trial],
    under_way: Sequence[Mapping[str, Json]] = (),
) -> dict[str, Json]:
    """Return the parameters of a trial; the first tries the declared ones.

    Args:
        tune: what is looked for.
        number: of the trial.
        declared: what the loop declares.
        known: the trials that have ended and that it may learn from.
        under_way: the parameters of those that run beside it, which it keeps away from.
    """
    if number == 0:
        return {name: declared[name] for name, _ in tune.ranges}
    import_optuna()
    from optuna import create_study
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState as State
    from optuna.trial import create_trial

    space = {name: _lay_range(allowed) for name, allowed in tune.ranges}
    # A number of its own for each trial: a sampler's own state would depend on what this process drew before.
    sampler = TPESampler(seed=(tune.seed * 1_000_003 + number) % 2**32)
    study = create_study(sampler=sampler, direction="minimize")
    for trial in known:
        study.add_trial(_lay_trial(tune, trial, space))
    for parameters in under_way:
        study.add_trial(create_trial(state=State.RUNNING, params=dict(parameters), distributions=space))
    drawn: dict[str, Json] = study.ask(fixed_distributions=space).params
    return {name: drawn[name] for name, _ in tune.ranges}


def import_optuna() -> None:
    """Make Optuna ready, and quiet; raises `DeclarationError` where it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import optuna
    except ImportError as error:
        raise DeclarationError(
            "tuning draws with Optuna, which is not installed", remedy="pip install 'holdtrue[tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def _lay_range(allowed: Range) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(allowed, Between):
        return FloatDistribution(allowed.low, allowed.high, log=allowed.is_log)
    if isinstance(allowed, Integers):
        return IntDistribution(allowed.low, allowed.high)
    return CategoricalDistribution(allowed.values)


def _lay_trial(tune: Tune, trial: Trial, space: Mapping[str, "BaseDistribution"]) -> "FrozenTrial":
    from optuna.trial import TrialState as State
    from optuna.trial import create_trial

    states = {TrialState.COMPLETED: State.COMPLETE, TrialState.PRUNED: State.PRUNED, TrialState.FAILED: State.FAIL}
    return create_trial(
        state=states[trial.state],
        value=None if trial.loss is None else tune.rank(trial.loss, trial.metric),
        params=dict(trial.parameters),
        distributions=dict(space),
        intermediate_values=dict(enumerate(tune.rank_parts(trial))),
    )
