from dataclasses import dataclass

import numpy as np

from holdtrue.domain import Loss, NotWorse, Ruling, Verdict
from holdtrue.validation import Candidate
from holdtrue.validation.judges import JUDGES, judge_declared


@dataclass(frozen=True)
class AtLeast:
    n_rows: int


def judge_at_least(check: AtLeast, candidate: Candidate) -> Verdict:
    ruling = Ruling.PASSED if candidate.rows.n_rows >= check.n_rows else Ruling.FAILED
    return Verdict(check="at_least", ruling=ruling, sentence=f"{candidate.rows.n_rows} rows.")


def test_each_declared_check_is_judged_by_the_judge_of_its_type_in_order(make_dataset, monkeypatch) -> None:
    monkeypatch.setitem(JUDGES, AtLeast, judge_at_least)
    rows = make_dataset(np.arange(40) % 2 == 0)
    answers = np.full((40, 2), 0.5)
    candidate = Candidate(
        rows=rows, answers=answers, champion=None, baseline=answers, train=rows,
        score=lambda frame: answers[: frame.height], loss=Loss.for_classes(), is_refresh=False,
    )  # fmt: skip
    found = judge_declared([AtLeast(50), NotWorse(), AtLeast(40)], candidate)
    assert [verdict.ruling for verdict in found] == [Ruling.FAILED, Ruling.PASSED]
