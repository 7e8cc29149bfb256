from dataclasses import dataclass

import pytest

from holdtrue.domain import BeatsBaseline, Ruling, Verdict, calibrated, fairness, slices
from holdtrue.validation.judges import JUDGES, judge_declared

from .answers import World


@dataclass(frozen=True, kw_only=True)
class Sunny:
    hours: int = 1


def test_each_declared_check_goes_to_its_judge_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge_sunny(check: Sunny, candidate: object) -> Verdict:
        return Verdict(check="sunny", ruling=Ruling.PASSED, sentence=f"{check.hours} hours of {candidate}.")

    monkeypatch.setitem(JUDGES, Sunny, judge_sunny)
    found = judge_declared([Sunny(hours=2), BeatsBaseline(), Sunny(hours=1)], "sun")
    assert [verdict.sentence for verdict in found] == ["2 hours of sun.", "1 hours of sun."]


def test_verdicts_of_two_checks_of_one_kind_say_which_is_which(make_dataset) -> None:
    world = World(make_dataset, n_rows=400)
    checks = [slices(), slices("hour", ("hour", "carrier")), fairness(by="hour"), calibrated()]
    found = judge_declared(checks, world.propose(world.answer()))
    assert [verdict.check for verdict in found] == [
        "slices()", "slices(hour, hour and carrier)", "fairness", "calibrated"
    ]  # fmt: skip
    twice = judge_declared(
        [fairness(by="hour"), fairness(by="hour", what="tpr"), slices()], world.propose(world.answer())
    )
    assert [verdict.check for verdict in twice] == ["fairness(hour: selection)", "fairness(hour: tpr)", "slices"]


def test_a_candidate_that_refuses_what_a_check_asks_is_an_error_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(check: Sunny, candidate: object) -> Verdict:
        raise ValueError("no answers today")

    monkeypatch.setitem(JUDGES, Sunny, refuse)
    verdict = judge_declared([Sunny()], "sun")[0]
    assert verdict.ruling is Ruling.ERROR
    assert "no answers today" in verdict.sentence
    assert "in refuse" in verdict.evidence["traceback"]
