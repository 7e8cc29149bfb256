"""Tuning: which parameters of a recipe are looked for, and in what ranges."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from holdtrue.domain.digest import Json
from holdtrue.domain.metric import Metric, read_metric
from holdtrue.domain.span import parse_span
from holdtrue.domain.trial import Trial
from holdtrue.errors import DeclarationError

N_TRIALS = 30
Choosable = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class Between:
    """Numbers from `low` to `high`, both included; `is_log` looks for factors rather than for differences."""

    low: float
    high: float
    is_log: bool = False

    def holds(self, value: Json) -> bool:
        """Say whether a value is in the range."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class Integers:
    """Whole numbers from `low` to `high`, both included."""

    low: int
    high: int

    def holds(self, value: Json) -> bool:
        """Say whether a value is in the range."""
        return type(value) is int and self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class OneOf:
    """One of some values."""

    values: tuple[Choosable, ...]

    def holds(self, value: Json) -> bool:
        """Say whether a value is one of them."""
        return any(type(value) is type(one) and value == one for one in self.values)


Range = Between | Integers | OneOf


@dataclass(frozen=True, kw_only=True)
class Tune:
    """How the parameters of a recipe are looked for.

    Attributes:
        ranges: name and range of each parameter.
        n_trials: how many sets of parameters are tried.
        timeout_seconds: no trial begins later than this after the tuning began; None sets no limit.
        seed: from which the trials are drawn.
        metric: what trials are chosen by; None for the loop's own loss.
    """

    ranges: tuple[tuple[str, Range], ...]
    n_trials: int = N_TRIALS
    timeout_seconds: float | None = None
    seed: int = 0
    metric: Metric | None = None

    def rank(self, loss: float, metric: float | None) -> float:
        """Return what trials are chosen by, the least first: the loss, or what stands for the metric."""
        return loss if self.metric is None or metric is None else self.metric.rank(metric)

    def rank_parts(self, trial: Trial) -> list[float]:
        """Return the same for each part of the selection rows that a trial was judged on."""
        metrics = trial.metrics or [None] * len(trial.losses)
        return [self.rank(loss, metric) for loss, metric in zip(trial.losses, metrics, strict=True)]

    def check_declared(self, parameters: Mapping[str, Json]) -> None:
        """Raise `DeclarationError` unless each name has a declared value in its range: that is the first trial."""
        for name, allowed in self.ranges:
            if name not in parameters:
                raise DeclarationError(
                    f"tune= names {name}, which parameters= does not",
                    expected="a value to begin with for each, such as parameters={" + repr(name) + ": ...}",
                    remedy=f"declare it there, and have a step take {name}",
                )
            if not allowed.holds(parameters[name]):
                raise DeclarationError(
                    f"parameters= says {name} = {parameters[name]!r}, which is not in {allowed}",
                    expected="a value in the range: the first trial tries it",
                )


def between(low: float, high: float) -> Between:
    """Return the range of the numbers from `low` to `high`; raises `DeclarationError` when there are none.

    >>> between(0, 1).holds(0.5)
    True
    """
    _check_ends("between", low, high)
    return Between(low=float(low), high=float(high))


def log_between(low: float, high: float) -> Between:
    """Return the range of the numbers from `low` to `high`, both above 0, looked for by factors.

    >>> log_between(0.01, 0.3).is_log
    True
    """
    _check_ends("log_between", low, high)
    if low <= 0:
        raise DeclarationError(f"log_between({low}, {high})", expected="ends above 0")
    return Between(low=float(low), high=float(high), is_log=True)


def integers(low: int, high: int) -> Integers:
    """Return the range of the whole numbers from `low` to `high`.

    >>> integers(8, 64).holds(64)
    True
    """
    if type(low) is not int or type(high) is not int:
        raise DeclarationError(f"integers({low!r}, {high!r})", expected="two whole numbers")
    _check_ends("integers", low, high)
    return Integers(low=low, high=high)


def one_of(*values: Choosable) -> OneOf:
    """Return the range of these values.

    >>> one_of("l1", "l2").holds("l1")
    True
    """
    if len(values) < 2 or not all(value is None or isinstance(value, str | int | float) for value in values):
        raise DeclarationError(f"one_of{values!r}", expected="two or more numbers, texts, booleans or None")
    twice = next((value for place, value in enumerate(values) if value in values[:place]), None)
    if twice is not None or any(isinstance(value, float) and not math.isfinite(value) for value in values):
        raise DeclarationError(f"one_of{values!r}", expected="finite numbers, and each value once")
    return OneOf(values=values)


def tune(
    ranges: Mapping[str, Range],
    *,
    n_trials: int = N_TRIALS,
    timeout: str | timedelta | None = None,
    seed: int = 0,
    metric: str | Metric | None = None,
) -> Tune:
    """Declare which of the loop's parameters `holdtrue tune` looks for; `parameters=` says what to begin with.

    Args:
        ranges: of each name, see `between`, `log_between`, `integers` and `one_of`.
        n_trials: how many sets of parameters are tried; the first is the declared one.
        timeout: no trial begins later than this after the tuning began, such as "30m".
        seed: from which the trials are drawn.
        metric: what trials are chosen by in the place of the loop's own loss: "auc", "accuracy" or "brier" of classes,
            "mean_absolute_error" or "root_mean_squared_error" of numbers, or a function of a `holdtrue.Candidate` in
            `highest(...)` or `lowest(...)`.

    Raises:
        DeclarationError: no range, something else than a range, or numbers that cannot be meant.

    >>> tune({"depth": integers(2, 8)}, n_trials=20).n_trials
    20
    """
    if not isinstance(ranges, Mapping) or not ranges:
        raise DeclarationError(
            f"tune({ranges!r})", expected='ranges by name, such as {"depth": holdtrue.integers(2, 8)}'
        )
    for name, allowed in ranges.items():
        if not isinstance(allowed, Between | Integers | OneOf):
            raise DeclarationError(
                f"the range of {name} is {allowed!r}",
                expected="what holdtrue.between, log_between, integers or one_of returns",
            )
    if type(n_trials) is not int or n_trials < 1:
        raise DeclarationError(f"n_trials={n_trials!r}", expected="a whole number, 1 or more")
    if type(seed) is not int or seed < 0:
        raise DeclarationError(f"seed={seed!r}", expected="a whole number, 0 or more")
    seconds = None if timeout is None else parse_span(timeout).total_seconds()
    return Tune(
        ranges=tuple(sorted(ranges.items())),
        n_trials=n_trials,
        timeout_seconds=seconds,
        seed=seed,
        metric=read_metric(metric),
    )


def _check_ends(name: str, low: float, high: float) -> None:
    are_numbers = all(isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high))
    if not (are_numbers and math.isfinite(low) and math.isfinite(high) and low < high):
        raise DeclarationError(f"{name}({low!r}, {high!r})", expected="two finite numbers, the smaller one first")
