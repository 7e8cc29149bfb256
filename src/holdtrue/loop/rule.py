"""Rule: the action rule of a release, from the declared outcome and the answers that a version gives."""

import numpy as np
from numpy.typing import NDArray

from holdtrue.data import Dataset
from holdtrue.domain import ActionRule, Loop, make_action_rule


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
