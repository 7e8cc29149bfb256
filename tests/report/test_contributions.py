"""Contributions in sentences and as bars."""

from holdtrue.domain import Contribution, Contributions, Method, Scale
from holdtrue.report import draw_contributions, tell_contributions


def make(amounts, *, method=Method.EXACT, scale=Scale.LOG_ODDS, of=True, errors=None):
    parts = tuple(
        Contribution(feature=f"f{i}", value=i * 1.5, amount=amount, standard_error=None if errors is None else errors)
        for i, amount in enumerate(amounts)
    )
    return Contributions(
        version="v3", method=method, scale=scale, of=of, answer=0.3 + sum(amounts), base=0.3, parts=parts,
        n_calls=0 if method is Method.EXACT else 1_921, n_references=0 if method is Method.EXACT else 32,
    )  # fmt: skip


def test_exact_contributions_are_told_with_start_end_and_the_largest():
    way, how, most = tell_contributions(make([1.2, -0.5, 0.01]))
    assert way == "It starts from 0.300 and ends at 1.01 for True in log-odds."
    assert "exact" in how
    assert most == "Most of all, f0 = 0 raises it by 1.20 and f1 = 1.50 lowers it by 0.500."


def test_sampled_contributions_say_from_what_they_are_estimated():
    _, how, _ = tell_contributions(make([0.2], method=Method.SAMPLED, scale=Scale.PROBABILITY, errors=0.01))
    assert "estimated from 1,921 answers of the model" in how
    assert "32 rows of the release's sample" in how


def test_a_row_that_nothing_moved_is_told_so():
    assert tell_contributions(make([0.0, 0.0], of=None, scale=Scale.ANSWER))[-1] == "No value moved it."
    assert len(draw_contributions(make([0.0]))) == 1


def test_bars_go_to_the_right_where_the_answer_rises_and_to_the_left_where_it_falls():
    rise, fall = draw_contributions(make([1.0, -0.5], errors=0.25))
    assert rise.split("|")[0].count("█") == 0
    assert rise.count("█") == 24
    assert fall.split("|")[0].count("█") == 12
    assert rise.endswith("+1 ± 0.250")


def test_what_is_not_shown_is_summed_in_a_last_line():
    lines = draw_contributions(make([1.0] * 20))
    assert len(lines) == 13
    assert lines[-1].startswith("8 others")
    assert lines[-1].endswith("+8")
