"""Judges: which function judges which declared check, so that a new kind of check is one line here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from holdtrue.domain import (
    Calibrated,
    Check,
    Fairness,
    InvariantTo,
    MonotoneIn,
    Reproducible,
    RobustTo,
    Serves,
    Slices,
    Verdict,
)
from holdtrue.validation.behaviour.invariance import judge_invariance
from holdtrue.validation.behaviour.monotonicity import judge_monotonicity
from holdtrue.validation.behaviour.reproduction import judge_reproduction
from holdtrue.validation.behaviour.robustness import judge_robustness
from holdtrue.validation.behaviour.service import judge_service
from holdtrue.validation.calibration import judge_calibrated
from holdtrue.validation.candidate import Candidate
from holdtrue.validation.fairness import judge_fairness
from holdtrue.validation.own import tell_problem
from holdtrue.validation.weakness import judge_slices

# A judge takes the declared check and the candidate. `NoLeak` looks at training rows and is judged before;
# `BeatsBaseline` and `NotWorse` share one comparison of losses, which is the gate's own.
JUDGES: dict[type, Callable[[Any, Candidate], Verdict]] = {
    Slices: judge_slices,
    Calibrated: judge_calibrated,
    Fairness: judge_fairness,
    InvariantTo: judge_invariance,
    MonotoneIn: judge_monotonicity,
    RobustTo: judge_robustness,
    Reproducible: judge_reproduction,
    Serves: judge_service,
}


def judge_declared(checks: Sequence[Check], candidate: Candidate) -> list[Verdict]:
    """Return a verdict for each declared check that has a judge, in their order; two of one name say their columns."""
    judged = [check for check in checks if type(check) in JUDGES]
    verdicts = [_judge(check, candidate) for check in judged]
    counts = Counter(verdict.check for verdict in verdicts)
    return [
        replace(verdict, check=_name_apart(check, verdict.check)) if counts[verdict.check] > 1 else verdict
        for check, verdict in zip(judged, verdicts, strict=True)
    ]


def _judge(check: Check, candidate: Candidate) -> Verdict:
    try:
        return JUDGES[type(check)](check, candidate)
    except Exception as problem:  # a candidate that cannot answer what a check asks of it raises what it likes
        return tell_problem(getattr(check, "name", type(check).__name__.lower()), problem)


def _name_apart(check: Check, name: str) -> str:
    if isinstance(check, Slices):
        return f"{name}({_name_columns(check.columns)})"
    if isinstance(check, Fairness):
        return f"{name}({_name_columns(check.by)}: {check.what.value})"
    return f"{name}({check.tolerance:g})" if isinstance(check, Calibrated) else name


def _name_columns(entries: Sequence[Sequence[str]]) -> str:
    return ", ".join(" and ".join(entry) for entry in entries)
