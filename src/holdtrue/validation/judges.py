"""Judges: who judges which declared check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from holdtrue.domain import Check, InvariantTo, MonotoneIn, Reproducible, RobustTo, Serves, Verdict
from holdtrue.validation.behaviour.invariance import judge_invariance
from holdtrue.validation.behaviour.monotonicity import judge_monotonicity
from holdtrue.validation.behaviour.reproduction import judge_reproduction
from holdtrue.validation.behaviour.robustness import judge_robustness
from holdtrue.validation.behaviour.service import judge_service
from holdtrue.validation.candidate import Candidate
from holdtrue.validation.own import tell_problem

# A judge takes the declared check and the candidate. Checks that are not here are judged by the gate itself.
JUDGES: dict[type, Callable[[Any, Candidate], Verdict]] = {
    InvariantTo: judge_invariance,
    MonotoneIn: judge_monotonicity,
    RobustTo: judge_robustness,
    Reproducible: judge_reproduction,
    Serves: judge_service,
}


def judge_declared(checks: Sequence[Check], candidate: Candidate) -> list[Verdict]:
    """Return a verdict for each declared check that has a judge, in their order."""
    return [_judge(check, candidate) for check in checks if type(check) in JUDGES]


def _judge(check: Check, candidate: Candidate) -> Verdict:
    try:
        return JUDGES[type(check)](check, candidate)
    except Exception as problem:  # a candidate that cannot answer what a check asks of it raises what it likes
        return tell_problem(getattr(check, "name", type(check).__name__), problem)
