from dataclasses import replace
from datetime import UTC, datetime

from holdtrue.domain import (
    LabelCoverage,
    RolloutPlan,
    RolloutStatus,
    RolloutView,
    Ruling,
    StandardResult,
    Verdict,
    VerdictRecord,
    VerdictStage,
)
from holdtrue.report import (
    tabulate_policies,
    tell_backtest,
    tell_coverage,
    tell_evidence,
    tell_exposure,
    tell_rollout,
    tell_verdict,
)

from .results import compare_with_static, make_backtest, make_policy
from .views import make_evidence, make_rollout, make_rollout_view

SEPTEMBER = datetime(2013, 9, 4, 14, 30, tzinfo=UTC)


def test_a_backtest_is_told_from_its_loss_to_its_worth() -> None:
    sentences = tell_backtest(make_backtest())
    assert sentences[0] == (
        "From 1 Mar to 31 Dec 2013, over 280,000 flights of which 97.9 % have a label, loop lost 0.511 a flight"
        " (log-loss; 95 % interval 0.499 to 0.523), where the simple baseline loses 0.551."
    )
    assert sentences[1].startswith("That is 0.021 less a flight than static (95 % interval 0.015 to 0.027 less")
    assert sentences[3].startswith("It cannot be told apart from even: between 0.0082 less and 0.0019 more a flight")
    assert sentences[4] == "No month was worse than static beyond the margin of 0.004."
    assert sentences[5] == "It retrained 20 times, promoted 10 and rejected 10."
    assert sentences[6] == "Its decisions were worth 110,000 USD (95 % interval 95,000 to 125,000)."


def test_a_backtest_names_the_months_that_were_worse_than_static_and_whether_that_is_sure() -> None:
    result = make_backtest()
    loop = result.policy("loop")
    march = replace(loop.periods[0], versus_static=compare_with_static(0.04))
    april = replace(loop.periods[1], versus_static=compare_with_static(0.005))
    loop = replace(loop, periods=(march, april, *loop.periods[2:]))
    told = tell_backtest(replace(result, policies=(*result.policies[:3], loop)))
    assert (
        "Mar 2013 (by 0.040, surely) and Apr 2013 (by 0.005, which may be luck: between 0.005 less and 0.015 more)"
        " were worse than static beyond the margin of 0.004."
    ) in told


def test_the_standards_of_the_gate_are_told_with_what_became_of_those_refused() -> None:
    found = StandardResult(
        standard="no_harm", n_passed=18, n_failed=0, n_inconclusive=1, after_passed=-0.003, after_refused=-0.02
    )
    told = tell_backtest(replace(make_backtest(), standards=(found,)))
    refused = "those it refuses lost 0.020 less than the champion later on"
    assert f"The standard “no harm” passes 18 of 19 challengers; {refused}." in told


def test_a_backtest_without_labels_says_so() -> None:
    bare = replace(make_policy("loop"), loss=None, n_labelled=0, versus=(), periods=(), value=None, n_retrains=0)
    told = tell_backtest(replace(make_backtest(), policies=(bare,)))
    assert told[0].endswith("no label is known, so that nothing can be said of loop.")
    assert told[-1] == "It never retrained."


def test_evidence_is_told_as_known_or_not_known_yet() -> None:
    point = make_evidence()[-1]
    sure_better = replace(point, low=-1.1, high=-0.3, n_rows=8412)
    sure_worse = replace(point, low=0.3, high=1.1)
    open_yet = replace(point, low=-0.9, high=0.4, n_rows=1)
    assert "sure that the challenger loses between 0.300 and 1.10 less" in tell_evidence(sure_better)
    assert "between 0.300 and 1.10 more" in tell_evidence(sure_worse)
    told = tell_evidence(open_yet, unit_name="flight", days_left=0.125)
    assert told == (
        "Not yet known: between 0.400 worse and 0.900 better a flight (1 pair); at this traffic about 3 hours more."
    )
    assert tell_evidence(replace(point, low=None, high=None, n_rows=7), is_paired=False) == (
        "Not yet known: 7 rows so far."
    )


def test_what_the_versions_believed_is_told_beside_what_was_measured() -> None:
    result = make_backtest()
    sure = replace(result.told, metrics={"accuracy": 0.772, "believed_accuracy": 0.807})
    told = tell_backtest(replace(result, policies=(sure,)))
    assert told[1] == "77.2 % of its answers were right; its versions themselves believed 80.7 %, 3.5 points too high."
    modest = replace(sure, metrics={"accuracy": 0.772, "believed_accuracy": 0.77})
    assert tell_backtest(replace(result, policies=(modest,)))[1].endswith("believed 77 %, 0.2 points too low.")
    assert tabulate_policies(replace(result, policies=(sure,))).header.count("Accuracy") == 1
    assert "Believed accuracy" not in tabulate_policies(replace(result, policies=(sure,))).header


def test_an_active_rollout_is_told_with_its_stage_its_evidence_and_its_time() -> None:
    told = tell_rollout(make_rollout_view(), unit_name="flight")
    assert told[0] == "v5 answers 5 % of the units (stage 2 of 3)."
    assert told[1].startswith("Not yet known: between")
    assert told[2] == "At this traffic about 2.4 days more to the end of the rollout."
    in_shadow = tell_rollout(RolloutView(rollout=make_rollout(stage_index=0)))
    assert in_shadow == ("v5 answers in shadow, where nobody sees it (stage 1 of 3).", "No pair has matured yet.")


def test_an_ended_rollout_is_told_with_its_last_sentence() -> None:
    stopped = make_rollout(status=RolloutStatus.ABORTED, sentence="At least 1.2 points worse after 340 rows.")
    assert tell_rollout(RolloutView(rollout=stopped)) == (
        "v5 was stopped on 29 Sep 2013, 00:00.",
        "At least 1.2 points worse after 340 rows.",
    )
    promoted = make_rollout(status=RolloutStatus.PROMOTED)
    assert tell_rollout(RolloutView(rollout=promoted)) == ("v5 was promoted on 29 Sep 2013, 00:00.",)


def test_a_gate_only_rollout_says_why() -> None:
    plan = RolloutPlan(stages=(), note="12 rows a week are too few for a canary.")
    view = RolloutView(rollout=replace(make_rollout(), plan=plan))
    assert tell_rollout(view)[1] == "12 rows a week are too few for a canary."


def test_a_verdict_is_told_with_what_spoke_against_it() -> None:
    verdicts = (
        Verdict(check="beats_baseline", ruling=Ruling.PASSED, sentence="It beats the baseline."),
        Verdict(check="not_worse", ruling=Ruling.FAILED, sentence="It is worse by 0.02."),
    )
    record = VerdictRecord(
        verdict_id="a", loop="l", stage=VerdictStage.GATE, challenger="c", champion=None, evaluation="e", code="k",
        ruling=Ruling.FAILED, verdicts=verdicts, decided_at=SEPTEMBER, expires_at=SEPTEMBER,
    )  # fmt: skip
    assert tell_verdict(record, name="v4") == "v4 failed the gate. It is worse by 0.02."
    passed = replace(record, ruling=Ruling.PASSED, verdicts=verdicts[:1], stage=VerdictStage.REFIT)
    assert tell_verdict(passed, name="v4") == "v4 passed the check of its refit. It beats the baseline."
    assert tell_verdict(verdicts[0]) == "It beats the baseline."


def test_exposure_is_told_in_requests_and_in_per_cent() -> None:
    assert tell_exposure(name="v5", n_exposed=34, n_rows=12_204) == "v5 answered 34 of 12,204 requests (0.28 %)."


def test_label_coverage_is_told_in_each_of_its_states() -> None:
    assert tell_coverage(LabelCoverage(n_predictions=0, n_due=0, n_labelled=0)).startswith("No prediction")
    assert tell_coverage(LabelCoverage(n_predictions=3, n_due=0, n_labelled=0)).startswith("No label is due yet; 3")
    told = tell_coverage(LabelCoverage(n_predictions=1200, n_due=1000, n_labelled=980))
    assert told == "980 of 1,000 due labels have come (98 %); 200 more are not due yet."
