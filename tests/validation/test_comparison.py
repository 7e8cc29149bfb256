import numpy as np
import pytest
from numpy.typing import NDArray

from holdtrue.domain import Loss, Ruling, Standard
from holdtrue.stats import paired_interval
from holdtrue.validation import compare_losses
from holdtrue.validation.comparison import Comparison, choose_block_days, find_shortage
from holdtrue.validation.standard import rule_standard, say_long

LOSS = Loss.for_classes()


def draw_differences(
    rng: np.random.Generator, days: NDArray[np.int64], *, rho: float, day_sd: float = 0.05
) -> NDArray[np.float64]:
    """Draw paired differences of mean 0 whose days follow each other with autocorrelation rho."""
    n_days = int(days.max()) + 31
    shocks, effects = rng.normal(size=n_days), np.zeros(n_days)
    for day in range(1, n_days):
        effects[day] = rho * effects[day - 1] + np.sqrt(1 - rho**2) * shocks[day]
    return day_sd * effects[30:][days] + 0.3 * rng.normal(size=len(days))


def count_rulings(standard: Standard, *, n_days: int, rho: float, shift: float, margin: float) -> dict[Ruling, float]:
    rng = np.random.default_rng(7)
    days = np.repeat(np.arange(n_days), 60)
    champion = np.full(len(days), 0.5)
    counts = dict.fromkeys(Ruling, 0.0)
    for _ in range(300):
        differences = shift + draw_differences(rng, days, rho=rho)
        comparison = compare_losses(champion + differences, anchor=champion, days=days, loss=LOSS)
        counts[rule_standard(standard, comparison, margin=margin)] += 1 / 300
    return counts


@pytest.mark.parametrize("standard", list(Standard))
@pytest.mark.parametrize(("n_days", "rho"), [(28, 0.0), (60, 0.5)])
def test_an_equal_challenger_is_falsely_failed_in_at_most_one_of_twenty(standard, n_days, rho) -> None:
    assert count_rulings(standard, n_days=n_days, rho=rho, shift=0.0, margin=0.01)[Ruling.FAILED] <= 0.05


@pytest.mark.parametrize(("n_days", "rho"), [(28, 0.5), (60, 0.5), (60, 0.7)])
def test_a_challenger_two_margins_worse_is_hardly_ever_proven_non_inferior(n_days, rho) -> None:
    counts = count_rulings(Standard.NON_INFERIOR, n_days=n_days, rho=rho, shift=0.02, margin=0.01)
    assert counts[Ruling.PASSED] <= 0.05


def test_days_that_follow_each_other_get_longer_blocks() -> None:
    days = np.repeat(np.arange(168), 20)
    slow = np.sin(days / 10.0)
    assert choose_block_days(slow, days=days) >= 7


def test_the_chosen_blocks_give_the_widest_interval() -> None:
    rng = np.random.default_rng(0)
    days = np.repeat(np.arange(40), 30)
    differences = draw_differences(rng, days, rho=0.5)
    chosen = choose_block_days(differences, days=days)
    widths = {n: paired_interval(differences, blocks=days // n).interval.half_width for n in (1, 2, 3, 4)}
    assert max(widths, key=lambda n: widths[n]) == chosen


def test_weekly_rows_are_blocked_by_more_than_a_week_when_they_move_slowly() -> None:
    days = np.arange(104) * 7
    champion = np.full(104, 0.5)
    comparison = compare_losses(champion + 0.1 * np.sin(days / 60.0), anchor=champion, days=days, loss=LOSS)
    assert comparison.block_days > 7
    assert comparison.n_blocks >= 8


def test_within_the_margin_is_not_harm_however_sure_the_difference() -> None:
    days = np.repeat(np.arange(30), 100)
    champion = np.full(3_000, 0.5)
    wobble = 0.0001 * np.sin(np.arange(3_000))
    comparison = compare_losses(champion + 0.005 + wobble, anchor=champion, days=days, loss=LOSS)
    assert comparison.low > 0
    assert {rule_standard(each, comparison, margin=0.01) for each in Standard} == {Ruling.PASSED}


def test_constant_losses_are_certain() -> None:
    days = np.repeat(np.arange(10), 10)
    comparison = compare_losses(np.full(100, 0.6), anchor=np.full(100, 0.5), days=days, loss=LOSS)
    assert comparison.low == pytest.approx(0.1)
    assert rule_standard(Standard.NO_HARM, comparison, margin=0.01) is Ruling.FAILED


@pytest.mark.parametrize("day_sd", [0.0, 0.02])
def test_the_rows_that_are_asked_for_prove_an_equal_challenger_in_four_of_five_runs(day_sd: float) -> None:
    rng = np.random.default_rng(3)
    margin, a_day, passed = 0.02, 50, []

    def compare_over(n_days: int) -> Comparison:
        days = np.arange(n_days).repeat(a_day)
        differences = draw_differences(rng, days, rho=0, day_sd=day_sd)
        return compare_losses(differences, anchor=np.zeros(len(days)), days=days, loss=Loss.for_numbers(cap=10.0))

    for _ in range(250):
        n_rows, _ = compare_over(40).required(margin=margin)
        passed.append(compare_over(max(8, -(-n_rows // a_day))).high <= margin)
    assert np.mean(passed) >= 0.78  # .8, less the error of 250 runs


def test_days_are_counted_in_words_that_fit_them() -> None:
    assert "found 40 rows of 2 days; rows of one day" in str(find_shortage(np.repeat([4, 5], 20)))
    assert "found 40 rows of 2 days within 9; rows of one day" in str(find_shortage(np.repeat([4, 12], 20)))
    assert "found 40 rows of 1 day; rows of one day" in str(find_shortage(np.repeat([4], 40)))
    assert [say_long(n_days) for n_days in (0.2, 1.4, 1.6, 4_000)] == ["1 day", "1 day", "2 days", "more than 10 years"]
