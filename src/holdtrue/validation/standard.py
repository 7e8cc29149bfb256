"""Standards: what a gate demands of a challenger against the champion, and what each rules on the same figures."""

from __future__ import annotations

from holdtrue.domain import Ruling, Standard
from holdtrue.validation.comparison import Comparison, say_about


def rule_standard(standard: Standard, comparison: Comparison, *, margin: float) -> Ruling:
    """Return what a standard rules on a comparison with the champion.

    Both pass what is proven to be within the margin (upper end of the interval <= margin), before anything else:
    within the margin is not harm. NO_HARM also passes an estimate within the margin, or within its own standard error,
    while harm is not shown (lower end <= 0): where days move together the error is many times the margin, and an equal
    refresh would be refused at every second throw of the coin. Harm is shown when the lower end lies above 0; a
    challenger fails NON_INFERIOR when its estimate is beyond the margin as well. All else is inconclusive: more rows
    would tell.
    """
    if comparison.interval is None:
        return Ruling.INCONCLUSIVE
    is_harm_shown = comparison.low > 0
    is_within = comparison.estimate <= max(margin, comparison.interval.standard_error * (standard is Standard.NO_HARM))
    if comparison.high <= margin:
        return Ruling.PASSED
    if standard is Standard.NO_HARM:
        if is_harm_shown:
            return Ruling.FAILED
        return Ruling.PASSED if is_within else Ruling.INCONCLUSIVE
    return Ruling.FAILED if is_harm_shown and not is_within else Ruling.INCONCLUSIVE


def tell_standard(standard: Standard, ruling: Ruling, comparison: Comparison, *, margin: float, anchor: str) -> str:
    """Return the ruling as a sentence for people; `anchor` is "champion" or "simple baseline"."""
    if comparison.shortage is not None:
        return comparison.shortage
    between = _say_between(comparison, anchor)
    if ruling is Ruling.PASSED and comparison.high <= margin:
        return f"{between} That is within the margin of {margin:.3g}: it is not worse."
    if ruling is Ruling.PASSED:
        within = f"the estimate is within the margin of {margin:.3g} or its own error"
        return f"{between} Harm is not shown, and {within}; it stays under guard."
    if ruling is Ruling.FAILED:
        return f"{between} It is worse; about 1 chance in 40 that this is luck."
    n_rows, n_days = comparison.required(margin=margin)
    demand = "proof within" if standard is Standard.NON_INFERIOR else "an estimate within"
    need = f"need {say_about(n_rows)} rows ({say_long(n_days)} at this traffic)"
    return f"{between} Not enough data for {demand} the margin of {margin:.3g}: {need}."


def _say_between(comparison: Comparison, anchor: str) -> str:
    name = comparison.loss_name
    low, high = comparison.low, comparison.high
    if high < 0:
        words = f"between {-high:.3g} and {-low:.3g} lower than the {anchor}'s"
    elif low > 0:
        words = f"between {low:.3g} and {high:.3g} higher than the {anchor}'s"
    else:
        words = f"between {-low:.3g} lower and {high:.3g} higher than the {anchor}'s"
    return f"We are 95 % sure that the challenger's {name} is {words} ({comparison.extent})."


def say_long(n_days: float) -> str:
    """Return a time that is itself an estimate."""
    if n_days < 1.5:
        return "1 day"
    return "more than 10 years" if n_days > 3650 else f"{n_days:,.0f} days"
