"""Own checks: a team's plain functions, which look at a candidate and say whether it may go on."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

from holdtrue.domain import Check, Json, OwnCheck, Ruling, Verdict
from holdtrue.validation.candidate import Candidate


def judge_own_checks(checks: Sequence[Check], candidate: Candidate) -> list[Verdict]:
    """Return a verdict for each plain function among the checks, in their order."""
    return [judge_own_check(check, candidate) for check in checks if callable(check)]


def judge_own_check(check: OwnCheck, candidate: Candidate) -> Verdict:
    """Return what a team's function says of a candidate: its own verdict, or True and False as passed and failed.

    Where it raises, or returns anything else, the ruling is error: nothing passes by accident.
    """
    name = getattr(check, "__name__", type(check).__name__)
    try:
        answer = check(candidate)
    except Exception as problem:  # whatever a team's code raises is a finding about that code
        return tell_problem(name, problem)
    if isinstance(answer, Verdict):
        return answer
    if answer is True or answer is False:
        ruling = Ruling.PASSED if answer else Ruling.FAILED
        return Verdict(check=name, ruling=ruling, sentence=f"The check {name} {ruling.value}.")
    said = f"The check {name} returned {answer!r}, and not a Verdict, True or False."
    return Verdict(check=name, ruling=Ruling.ERROR, sentence=said)


def tell_problem(name: str, problem: Exception) -> Verdict:
    """Return the verdict of a check that raised."""
    said = f"The check {name} raised {type(problem).__name__}: {problem}"
    evidence: dict[str, Json] = {"traceback": "".join(traceback.format_exception(problem))}
    return Verdict(check=name, ruling=Ruling.ERROR, sentence=said, evidence=evidence)
