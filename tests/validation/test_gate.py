import numpy as np
import pytest
from numpy.typing import NDArray

from holdtrue.domain import (
    BeatsBaseline,
    LabelScope,
    Loss,
    NotWorse,
    Ruling,
    Standard,
    Task,
    Verdict,
    not_worse,
)
from holdtrue.validation import Candidate, GateReport, baseline_predictions, judge_gate

CHECKS = (BeatsBaseline(), NotWorse())


class Story:
    """A binary task of `n_rows` rows over `n_days`, whose parties answer with more or less of the truth."""

    def __init__(self, make_dataset, *, n_rows: int = 8_000, n_days: float = 40, share: float = 0.25, seed: int = 1):
        self.rng = np.random.default_rng(seed)
        self.truth = np.clip(share + 0.3 * self.rng.normal(size=n_rows), 0.02, 0.98)
        self.labels = self.rng.random(n_rows) < self.truth
        self.evaluation = make_dataset(self.labels, n_days=n_days)
        self.baseline = baseline_predictions(
            self.labels.astype(np.int64), n_rows=n_rows, task=Task.BINARY, classes=(False, True)
        )

    def answer(self, *, noise: float = 0.05, shift: float = 0.0) -> NDArray[np.float64]:
        p = np.clip(self.truth + shift + noise * self.rng.normal(size=len(self.truth)), 0.02, 0.98)
        return np.column_stack([1 - p, p])

    def judge(self, challenger, champion, *, checks=CHECKS, is_refresh=True, labels=LabelScope.ALL, findings=()):
        return judge(
            checks=checks, evaluation=self.evaluation, challenger=challenger, champion=champion,
            baseline=self.baseline, is_refresh=is_refresh, labels=labels, findings=findings,
        )  # fmt: skip


def judge(
    *, evaluation, challenger, champion, baseline, is_refresh, loss=None, checks=CHECKS, labels=LabelScope.ALL,
    findings=(),
) -> GateReport:  # fmt: skip
    """Judge given answers; the candidate answers any frame with the first of them."""
    candidate = Candidate(
        rows=evaluation, answers=challenger, champion=champion, baseline=baseline, train=evaluation,
        score=lambda frame: challenger[: frame.height], loss=loss or Loss.for_classes(), is_refresh=is_refresh,
    )  # fmt: skip
    return judge_gate(checks=checks, candidate=candidate, labels=labels, findings=findings)


def find_verdict(report: GateReport, check: str) -> Verdict:
    return next(verdict for verdict in report.verdicts if verdict.check == check)


def test_an_equal_challenger_passes_with_both_rulings_in_the_evidence(make_dataset) -> None:
    story = Story(make_dataset)
    report = story.judge(story.answer(), story.answer())
    assert report.ruling is Ruling.PASSED
    evidence = find_verdict(report, "not_worse").evidence
    assert evidence["rulings"] == {"non_inferior": "passed", "no_harm": "passed"}
    assert evidence["n_rows"] == 8_000
    assert evidence["n_blocks"] >= 8
    assert evidence["required_rows"] > 0
    assert 0.5 < evidence["auc"]["champion"] < 1
    assert evidence["auc"]["low"] < 0 < evidence["auc"]["high"]
    assert "We are 95 % sure" in report.sentence


def test_a_clearly_worse_challenger_fails_under_both_standards(make_dataset) -> None:
    story = Story(make_dataset)
    for is_refresh in (True, False):
        report = story.judge(story.answer(noise=0.4), story.answer(), is_refresh=is_refresh)
        assert report.ruling is Ruling.FAILED
        assert "higher than the champion's" in report.sentence


def test_refresh_and_new_recipe_are_held_to_their_own_standard(make_dataset) -> None:
    story = Story(make_dataset, n_rows=600)
    challenger, champion = story.answer(noise=0.1), story.answer(noise=0.1)
    checks = (not_worse(margin=0.01),)
    refresh = find_verdict(story.judge(challenger, champion, checks=checks, is_refresh=True), "not_worse")
    recipe = find_verdict(story.judge(challenger, champion, checks=checks, is_refresh=False), "not_worse")
    assert refresh.evidence["standard"] == Standard.NO_HARM.value
    assert recipe.evidence["standard"] == Standard.NON_INFERIOR.value
    assert refresh.evidence["rulings"] == recipe.evidence["rulings"]
    assert recipe.ruling is Ruling.INCONCLUSIVE
    assert "Not enough data" in recipe.sentence
    assert recipe.evidence["required_rows"] > 600


def test_the_default_margin_is_a_twentieth_of_what_the_champion_gains(make_dataset) -> None:
    story = Story(make_dataset)
    report = story.judge(story.answer(), story.answer())
    assert report.margin == pytest.approx(0.05 * (report.baseline_risk - report.champion_risk))


def test_a_champion_below_the_baseline_is_replaced_by_the_baseline_as_anchor(make_dataset) -> None:
    story = Story(make_dataset)
    report = story.judge(story.answer(), story.answer(noise=2.0), is_refresh=False)
    verdict = find_verdict(report, "not_worse")
    assert verdict.evidence["anchor"] == "simple baseline"
    assert "no better than the simple baseline" in verdict.sentence
    assert 0 < report.margin < 0.001
    assert report.ruling is Ruling.PASSED


def test_a_refresh_of_a_champion_below_the_baseline_is_held_against_the_champion(make_dataset) -> None:
    story = Story(make_dataset)
    report = story.judge(story.answer(), story.answer(noise=2.0), is_refresh=True)
    verdict = find_verdict(report, "not_worse")
    assert verdict.evidence["anchor"] == "champion"
    assert "needs relief" in verdict.sentence
    assert report.ruling is Ruling.PASSED


def test_the_first_version_only_has_to_beat_the_baseline(make_dataset) -> None:
    story = Story(make_dataset)
    assert story.judge(story.answer(), None).ruling is Ruling.PASSED
    only_not_worse = story.judge(story.answer(), None, checks=(NotWorse(),))
    assert [verdict.check for verdict in only_not_worse.verdicts] == ["beats_baseline"]
    assert story.judge(story.answer(noise=2.0), None).ruling is Ruling.FAILED


def test_too_few_days_are_inconclusive_and_say_what_is_needed(make_dataset) -> None:
    story = Story(make_dataset, n_days=5)
    report = story.judge(story.answer(), story.answer())
    assert report.ruling is Ruling.INCONCLUSIVE
    assert "need labelled rows of at least 8 days" in report.sentence
    assert report.design_effect == 1.0


@pytest.mark.parametrize("n_rows", [0, 1, 20])
def test_too_few_rows_are_inconclusive(make_dataset, n_rows) -> None:
    labels = np.arange(n_rows) % 2 == 0
    answers = np.full((n_rows, 2), 0.5)
    report = judge(
        checks=CHECKS,
        evaluation=make_dataset(labels),
        challenger=answers,
        champion=answers,
        baseline=answers,
        loss=Loss.for_classes(),
        is_refresh=True,
    )
    assert report.ruling is Ruling.INCONCLUSIVE
    assert "Not enough data" in report.sentence


def test_labels_of_one_class_are_not_enough(make_dataset) -> None:
    story = Story(make_dataset)
    story.evaluation = make_dataset(np.zeros(8_000, dtype=bool))
    report = story.judge(story.answer(), story.answer())
    assert report.ruling is Ruling.INCONCLUSIVE
    assert "outside the commonest class" in report.sentence


def test_labels_of_acted_rows_alone_are_inconclusive(make_dataset) -> None:
    story = Story(make_dataset)
    report = story.judge(story.answer(), story.answer(), labels=LabelScope.ACTED)
    assert report.ruling is Ruling.INCONCLUSIVE
    assert "propensity" in report.sentence


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.2, 3.0])
def test_answers_that_are_no_probabilities_fail(make_dataset, bad) -> None:
    story = Story(make_dataset)
    challenger = story.answer()
    challenger[5, 1] = bad
    report = story.judge(challenger, story.answer())
    assert report.ruling is Ruling.FAILED
    assert "cannot be used" in report.sentence


def test_answers_of_a_wrong_shape_fail(make_dataset) -> None:
    story = Story(make_dataset)
    assert "expected (8000, 2)" in story.judge(story.answer()[:, :1], story.answer()).sentence


def test_numbers_beyond_what_can_be_compared_fail(make_dataset) -> None:
    rows = make_dataset([float(i) for i in range(500)])
    answers = np.where(np.arange(500) == 7, 1e300, 5.0)
    report = judge(
        checks=CHECKS, evaluation=rows, challenger=answers, champion=None, baseline=np.full(500, 250.0),
        loss=Loss.for_numbers(400.0), is_refresh=False,
    )  # fmt: skip
    assert report.ruling is Ruling.FAILED
    assert "they reach 1e+300" in report.sentence


def test_findings_from_other_checks_count(make_dataset) -> None:
    story = Story(make_dataset)
    leak = Verdict(check="no_leak", ruling=Ruling.FAILED, sentence="casual + registered = cnt.")
    report = story.judge(story.answer(), story.answer(), findings=[leak])
    assert report.ruling is Ruling.FAILED
    assert report.sentence == leak.sentence


def test_nothing_checked_has_not_passed(make_dataset) -> None:
    story = Story(make_dataset)
    assert story.judge(story.answer(), story.answer(), checks=()).ruling is Ruling.INCONCLUSIVE


def test_identical_answers_pass_without_dividing_by_zero(make_dataset) -> None:
    story = Story(make_dataset)
    champion = story.answer()
    report = story.judge(champion, champion, is_refresh=False)
    assert report.ruling is Ruling.PASSED
    assert find_verdict(report, "not_worse").evidence["required_rows"] >= 2


def test_a_regression_is_judged_by_its_capped_absolute_error(make_dataset) -> None:
    rng = np.random.default_rng(3)
    labels = rng.normal(100, 20, size=2_000)
    report = judge(
        checks=CHECKS,
        evaluation=make_dataset(labels),
        challenger=labels + rng.normal(0, 5, size=2_000),
        champion=labels + rng.normal(0, 5, size=2_000),
        baseline=baseline_predictions(labels, n_rows=2_000, task=Task.REGRESSION),
        loss=Loss.for_numbers(cap=80.0),
        is_refresh=True,
    )
    assert report.ruling is Ruling.PASSED
    assert find_verdict(report, "not_worse").evidence["auc"] is None
    assert "absolute error" in report.sentence


def test_a_multiclass_task_is_judged_by_its_log_loss(make_dataset) -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 3, size=3_000)
    answers = 0.2 + 0.4 * np.eye(3)[labels]
    report = judge(
        checks=CHECKS,
        evaluation=make_dataset(np.array(["a", "b", "c"])[labels]),
        challenger=answers,
        champion=answers[:, [0, 1, 2]],
        baseline=baseline_predictions(labels, n_rows=3_000, task=Task.MULTICLASS, classes=("a", "b", "c")),
        loss=Loss.for_classes(),
        is_refresh=False,
    )
    assert report.ruling is Ruling.PASSED


def test_a_million_rows_are_judged(make_dataset) -> None:
    story = Story(make_dataset, n_rows=1_000_000, n_days=60)
    assert story.judge(story.answer(), story.answer()).ruling is Ruling.PASSED


def test_a_team_s_own_function_rules_with_the_others(make_dataset) -> None:
    story = Story(make_dataset)

    def keeps_a_spread(candidate: Candidate) -> bool:
        return bool(candidate.answers[:, 1].std() > 0.05)

    def asks_for_more(candidate: Candidate) -> Verdict:
        asked = candidate.score(candidate.rows.features.head(3))
        return Verdict(check="asks", ruling=Ruling.FAILED, sentence=f"{len(asked)} answers are too few.")

    passed = story.judge(story.answer(), story.answer(), checks=(*CHECKS, keeps_a_spread))
    assert passed.ruling is Ruling.PASSED
    assert find_verdict(passed, "keeps_a_spread").has_passed
    flat = story.judge(np.full((8_000, 2), 0.5), None, checks=(keeps_a_spread,))
    assert find_verdict(flat, "keeps_a_spread").ruling is Ruling.FAILED
    refused = story.judge(story.answer(), story.answer(), checks=(*CHECKS, asks_for_more))
    assert refused.ruling is Ruling.FAILED
    assert refused.sentence == "3 answers are too few."


def test_an_own_check_that_breaks_or_says_nothing_is_an_error_and_never_a_pass(make_dataset) -> None:
    story = Story(make_dataset)

    def breaks(_candidate: Candidate) -> bool:
        raise KeyError("carrier")

    def says_nothing(_candidate: Candidate) -> None:
        return None

    broken = story.judge(story.answer(), story.answer(), checks=(*CHECKS, breaks))
    assert broken.ruling is Ruling.ERROR
    assert "raised KeyError: 'carrier'" in broken.sentence
    assert "in breaks" in str(find_verdict(broken, "breaks").evidence["traceback"])
    assert story.judge(story.answer(), story.answer(), checks=(*CHECKS, says_nothing)).ruling is Ruling.ERROR


def test_the_comparison_of_losses_speaks_for_a_gate_that_passed(make_dataset) -> None:
    story = Story(make_dataset)
    first = story.judge(story.answer(), None, checks=(*CHECKS, lambda candidate: True), is_refresh=False)
    assert first.ruling is Ruling.PASSED
    assert "beats the simple baseline" in first.sentence
