"""Judges: who judges which declared check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from holdtrue.domain import Check, Verdict
from holdtrue.validation.candidate import Candidate

# A judge takes the declared check and the candidate. Checks that are not here are judged by the gate itself.
JUDGES: dict[type, Callable[[Any, Candidate], Verdict]] = {}


def judge_declared(checks: Sequence[Check], candidate: Candidate) -> list[Verdict]:
    """Return a verdict for each declared check that has a judge, in their order."""
    return [JUDGES[type(check)](check, candidate) for check in checks if type(check) in JUDGES]
