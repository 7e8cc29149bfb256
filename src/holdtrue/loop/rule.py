"""Rule: what a release says beside its model: the action rule from the declared outcome, and the fallback."""

import numpy as np
from numpy.typing import NDArray

from holdtrue.data import Dataset, History
from holdtrue.domain import ActionRule, Loop, Signature, make_action_rule, make_substitute


def make_rule(loop: Loop, rows: Dataset, answers: NDArray[np.float64] | None) -> ActionRule | None:
    """Return the rule by which answers become actions; None without a declared outcome.

    A declared capacity is turned into a threshold by the answers given, the newest there are.
    """
    if loop.outcome is None:
        return None
    rule = make_action_rule(loop.outcome, classes=rows.classes)
    if answers is None or not len(answers):
        return rule
    return make_action_rule(loop.outcome, classes=rows.classes, gains=rule.gain_rows(answers))


def check_fallback(loop: Loop, known: History) -> None:
    """Check that the declared fallback can answer the rows of a history, before anything is trained.

    Raises:
        DeclarationError: it cannot; says what can.
    """
    if loop.declared_fallback is not None:
        signature = Signature(
            schema=known.schema,
            task=known.task,
            label=known.label,
            classes=tuple(known.classes),
            features=known.features,
        )
        make_substitute(loop.declared_fallback, signature)
