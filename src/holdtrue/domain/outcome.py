"""Outcome: what a prediction turns out to be worth once its label is known; declared once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain.amount import check_amount
from holdtrue.domain.task import LabelValue
from holdtrue.errors import DeclarationError


@dataclass(frozen=True, kw_only=True)
class Money:
    """Actions, and what each is worth for each label.

    Attributes:
        actions: the names of the actions.
        labels: the label values, in the order of the columns of `worth`.
        worth: `worth[action][label]` in `unit`.
        unit: the currency or other unit.
        otherwise: the action taken when no other one is worth more, and beyond the capacity.
        capacity: the largest share (0..1) of rows that may get another action than `otherwise`; None for no limit.
    """

    actions: tuple[str, ...]
    labels: tuple[LabelValue, ...]
    worth: tuple[tuple[float, ...], ...]
    unit: str
    otherwise: str
    capacity: float | None = None


def money(
    worth: Mapping[str, Mapping[LabelValue, float]],
    *,
    unit: str = "money",
    otherwise: str | None = None,
    capacity: float | None = None,
) -> Money:
    """Declare what each action is worth for each label; the last action is `otherwise` unless said.

    >>> money({"warn": {True: 12, False: -3}, "wait": {True: 0, False: 0}}, unit="EUR").actions
    ('warn', 'wait')
    """
    if len(worth) < 2:
        raise DeclarationError(f"money names {len(worth)} action(s)", expected="two or more actions to choose from")
    actions = tuple(worth)
    labels = tuple(worth[actions[0]])
    for action, given in worth.items():
        if set(given) != set(labels):
            raise DeclarationError(
                f"action {action!r} is worth something for {sorted(map(str, given))}",
                expected=f"an amount for each of the labels {sorted(map(str, labels))}, as for {actions[0]!r}",
            )
    chosen = otherwise if otherwise is not None else actions[-1]
    if chosen not in actions:
        raise DeclarationError(f"otherwise={chosen!r} is not an action", expected=f"one of {list(actions)}")
    check_amount("money", "capacity", capacity, above=0, most=1, is_optional=True)
    for action in actions:
        for label in labels:
            check_amount("money", f"{action!r} for {label!r}", worth[action][label])
    amounts = tuple(tuple(float(worth[action][label]) for label in labels) for action in actions)
    return Money(actions=actions, labels=labels, worth=amounts, unit=unit, otherwise=chosen, capacity=capacity)


@dataclass(frozen=True, kw_only=True)
class ActionRule:
    """How an answer becomes a decision: part of the release, so that a refit cannot move it unseen.

    The action with the highest expected worth under the predicted probabilities is taken when it gains more than
    `min_gain` over `otherwise`. `min_gain` is 0 without a capacity; with one it is set on the evaluation rows so that
    the declared share of them passes. Columns of `worth` follow the signature's classes.
    """

    actions: tuple[str, ...]
    worth: tuple[tuple[float, ...], ...]
    otherwise: int
    min_gain: float = 0.0
    unit: str = "money"

    def choose(self, probabilities: Sequence[float]) -> str:
        """Return the action for one answer (one probability for each class)."""
        expected = [sum(p * w for p, w in zip(probabilities, row, strict=True)) for row in self.worth]
        best = max(range(len(expected)), key=expected.__getitem__)
        gains = expected[best] - expected[self.otherwise]
        return self.actions[best if gains > self.min_gain else self.otherwise]

    def choose_rows(self, probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the position of the action for each row of (n_rows, n_classes) probabilities."""
        expected = probabilities @ np.asarray(self.worth, dtype=np.float64).T
        best = expected.argmax(axis=1)
        gains = expected[np.arange(len(best)), best] - expected[:, self.otherwise]
        return np.where(gains > self.min_gain, best, self.otherwise).astype(np.int64)

    def gain_rows(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return for each row how much the best action is expected to gain over `otherwise`."""
        expected = probabilities @ np.asarray(self.worth, dtype=np.float64).T
        return np.asarray(expected.max(axis=1) - expected[:, self.otherwise], dtype=np.float64)

    def worth_rows(self, probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what the chosen action of each row was worth, given its label (class position)."""
        return np.asarray(self.worth, dtype=np.float64)[self.choose_rows(probabilities), labels]


def make_action_rule(
    declared: Money, *, classes: tuple[LabelValue, ...], gains: NDArray[np.float64] | None = None
) -> ActionRule:
    """Turn a declared outcome into the rule of a release; `gains` (see `gain_rows`) set the capacity's threshold.

    Raises:
        DeclarationError: the labels of the outcome are not the classes of the data.
    """
    if set(declared.labels) != set(classes):
        raise DeclarationError(
            f"money(...) speaks of the labels {list(declared.labels)}",
            expected=f"the labels that the data has: {list(classes)}",
            remedy="name each of them in every action",
        )
    order = [declared.labels.index(label) for label in classes]
    rule = ActionRule(
        actions=declared.actions,
        worth=tuple(tuple(row[i] for i in order) for row in declared.worth),
        otherwise=declared.actions.index(declared.otherwise),
        unit=declared.unit,
    )
    if declared.capacity is None or gains is None or not len(gains):
        return rule
    threshold = float(np.quantile(gains, 1 - declared.capacity))
    return ActionRule(
        actions=rule.actions,
        worth=rule.worth,
        otherwise=rule.otherwise,
        min_gain=max(0.0, threshold),
        unit=rule.unit,
    )
