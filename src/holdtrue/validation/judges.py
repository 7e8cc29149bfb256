"""Judges: which function judges which declared check, so that a new kind of check is one line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from holdtrue.domain import Calibrated, Check, Fairness, Slices, Verdict
from holdtrue.validation.calibration import judge_calibrated
from holdtrue.validation.candidate import Candidate
from holdtrue.validation.fairness import judge_fairness
from holdtrue.validation.weakness import judge_slices

# Each judge takes a check of its type and the candidate. `NoLeak` looks at training rows and is judged before;
# `BeatsBaseline` and `NotWorse` share one comparison of losses, which is the gate's own.
JUDGES: dict[type, Callable[[Any, Candidate], Verdict]] = {
    Calibrated: judge_calibrated,
    Fairness: judge_fairness,
    Slices: judge_slices,
}


def judge_declared(checks: Sequence[Check], candidate: Candidate) -> list[Verdict]:
    """Return a verdict for each check whose type has a judge, in their order."""
    return [JUDGES[type(check)](check, candidate) for check in checks if type(check) in JUDGES]
