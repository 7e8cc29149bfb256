"""Metric: what a tuning chooses by in the place of the loop's own loss: a known figure, or a team's own function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from holdtrue.domain.task import Task
from holdtrue.errors import DeclarationError

# A team's own metric: a function of a `holdtrue.Candidate` that returns a number.
OwnMetric = Callable[[Any], float]
OF_CLASSES = ("auc", "accuracy", "brier")
OF_NUMBERS = ("mean_absolute_error", "root_mean_squared_error")
_HIGHEST = frozenset({"auc", "accuracy"})


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A figure of answers to labelled rows.

    Attributes:
        name: of a known figure, or of the team's function.
        is_highest_best: whether more of it is better.
        function: the team's own; None for a known figure.
    """

    name: str
    is_highest_best: bool
    function: OwnMetric | None = None

    def rank(self, value: float) -> float:
        """Return a value as one of which less is better."""
        return -value if self.is_highest_best else value

    def check_task(self, task: Task) -> None:
        """Raise `DeclarationError` where a known figure is not one of a task's answers."""
        fitting = OF_CLASSES if task.has_classes else OF_NUMBERS
        if self.function is None and self.name not in fitting:
            kind = "classes" if task.has_classes else "numbers"
            raise DeclarationError(
                f"metric={self.name!r}, and this loop answers with {kind}",
                expected=f"one of {list(fitting)}, a function in ht.highest(...) or ht.lowest(...), or none for the "
                "loop's own loss",
            )


def highest(function: OwnMetric) -> Metric:
    """Declare a function of a `holdtrue.Candidate` as a metric of which more is better.

    >>> def spread(candidate): return float(candidate.answers.std())
    >>> highest(spread).name
    'spread'
    """
    return _name_function(function, is_highest_best=True)


def lowest(function: OwnMetric) -> Metric:
    """Declare a function of a `holdtrue.Candidate` as a metric of which less is better; see `highest`."""
    return _name_function(function, is_highest_best=False)


def read_metric(told: str | Metric | None) -> Metric | None:
    """Return what a declaration says of a metric; raises `DeclarationError` for what cannot be meant.

    >>> read_metric("auc").is_highest_best
    True
    """
    if told is None or isinstance(told, Metric):
        return told
    if callable(told):
        raise DeclarationError(
            f"metric={getattr(told, '__name__', told)!s}, a function that does not say which way is better",
            expected="ht.highest(function) or ht.lowest(function)",
        )
    known = (*OF_CLASSES, *OF_NUMBERS)
    if told not in known:
        raise DeclarationError(
            f"metric={told!r} is not known",
            expected=f"one of {list(known)}, a function in ht.highest(...) or ht.lowest(...), or none for the loop's "
            "own loss",
        )
    return Metric(name=told, is_highest_best=told in _HIGHEST)


def _name_function(function: OwnMetric, *, is_highest_best: bool) -> Metric:
    if not callable(function):
        raise DeclarationError(f"a metric of {function!r}", expected="a function of a holdtrue.Candidate")
    name = getattr(function, "__name__", type(function).__name__)
    return Metric(name=name, is_highest_best=is_highest_best, function=function)
