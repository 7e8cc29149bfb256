import pytest

from backtest.small import BEGIN, DAY, LOSS, SIGNATURE, Bench
from holdtrue.backtest.standards import Judgement, read_judgement, tally_standards
from holdtrue.domain import StandardResult

BOTH_PASS = {"non_inferior": "passed", "no_harm": "passed"}
ONE_PASSES = {"non_inferior": "inconclusive", "no_harm": "passed"}
NONE_PASSES = {"non_inferior": "failed", "no_harm": "failed"}


def judge(bench: Bench, kind: str, rulings: dict[str, str], *, day: float = 2) -> Judgement:
    fitted = bench.fitted(kind)
    return Judgement(at=BEGIN + day * DAY, champion=1, candidate=fitted, signature=SIGNATURE, rulings=rulings)


def tally(bench: Bench, *judgements: Judgement, days: float = 7) -> dict[str, StandardResult]:
    bench.enlist("guesses")  # the champion of all judgements
    found = tally_standards(judgements, replay=bench.replay, roster=bench.roster, loss=LOSS, span=days * DAY)
    return {result.standard: result for result in found}


def test_each_standard_counts_its_own_rulings(bench: Bench) -> None:
    judgements = [judge(bench, "knows", rulings) for rulings in (BOTH_PASS, ONE_PASSES, ONE_PASSES, NONE_PASSES)]
    found = tally(bench, *judgements)
    assert set(found) == {"non_inferior", "no_harm"}
    strict, mild = found["non_inferior"], found["no_harm"]
    assert (strict.n_passed, strict.n_failed, strict.n_inconclusive) == (1, 1, 2)
    assert (mild.n_passed, mild.n_failed, mild.n_inconclusive) == (3, 1, 0)


def test_hindsight_says_what_the_refused_would_have_been(bench: Bench) -> None:
    found = tally(bench, judge(bench, "knows", ONE_PASSES), judge(bench, "turns", NONE_PASSES))
    strict, mild = found["non_inferior"], found["no_harm"]
    assert mild.after_passed < -0.3  # what it let through was better than the champion
    assert mild.after_refused > 0.3  # what it refused was worse
    assert strict.after_passed is None  # it let nothing through
    assert strict.after_refused == pytest.approx((mild.after_passed + mild.after_refused) / 2)


def test_hindsight_looks_at_the_span_after_the_gate_alone(bench: Bench) -> None:
    near = tally(bench, judge(bench, "turns", BOTH_PASS, day=3), days=2)["no_harm"].after_passed
    begin, end = bench.replay.find_row(BEGIN + 3 * DAY), bench.replay.find_row(BEGIN + 5 * DAY)
    labels = bench.replay.labels[begin:end]
    candidate = bench.roster.answer_with(bench.fitted("turns"), SIGNATURE, begin, end)
    champion = bench.roster.answer(1, begin, end)
    assert near == pytest.approx((LOSS.rows(candidate, labels) - LOSS.rows(champion, labels)).mean())


def test_after_the_last_row_there_is_no_hindsight(bench: Bench) -> None:
    found = tally(bench, judge(bench, "knows", BOTH_PASS, day=40))
    assert (found["no_harm"].n_passed, found["no_harm"].after_passed) == (1, None)


def test_a_loop_that_judged_nobody_has_no_table(bench: Bench) -> None:
    assert tally(bench) == {}


def test_a_training_without_a_comparison_is_no_judgement(bench: Bench) -> None:
    assert read_judgement(bench.result("knows"), champion=1, at=BEGIN) is None
    assert read_judgement(bench.catch_up("knows"), champion=1, at=BEGIN) is None
    found = read_judgement(bench.result("knows", rulings=ONE_PASSES), champion=1, at=BEGIN)
    assert found is not None
    assert (found.champion, found.rulings) == (1, ONE_PASSES)
