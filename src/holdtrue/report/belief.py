"""Belief: what a version in charge rests on and believes of itself, in words."""

from collections.abc import Sequence

from holdtrue.domain import Belief, Version, format_count
from holdtrue.report.words import format_number, format_share, join_words

N_HEAVIEST = 3


def tell_weights(version: Version) -> str:
    """Say which features a version rests on most; "" where none was weighed or none carries anything."""
    heaviest = [(name, weight) for name, weight in version.weights.items() if weight > 0][:N_HEAVIEST]
    if not heaviest:
        return ""
    said = join_words([f"{name} ({format_number(weight)})" for name, weight in heaviest])
    return f"Rests most on {said}: so much more it loses without what they say."


def tell_beliefs(beliefs: Sequence[Belief]) -> tuple[str, ...]:
    """Say what a version believes of its accuracy, always as belief, beside what labels say; () for a regression.

    >>> from datetime import UTC, datetime
    >>> from holdtrue.domain import Estimate
    >>> measured = Estimate(value=0.772, low=0.757, high=0.787, n_rows=2773)
    >>> excess = Estimate(value=0.035, low=0.015, high=0.055, n_rows=2773)
    >>> belief = Belief(
    ...     loop="late", version=1, metric="accuracy", as_of=datetime(2013, 9, 1, tzinfo=UTC), n_awaiting=0,
    ...     measured=measured, believed=0.807, excess=excess,
    ... )
    >>> tell_beliefs([belief])
    ('Measured accuracy 77.2 ± 1.5 % from 2,773 labels; the model believes 80.7 %: it is over-confident.',)
    """
    accuracy = next((belief for belief in beliefs if belief.metric == "accuracy"), None)
    if accuracy is None:
        return ()
    return tuple(sentence for sentence in (_tell_measured(accuracy), _tell_awaiting(accuracy)) if sentence)


def _tell_measured(belief: Belief) -> str:
    if belief.measured is None or belief.believed is None:
        return ""
    found = belief.measured
    reach = "" if found.low is None or found.high is None else f" ± {50 * (found.high - found.low):.1f}"
    labels = f"from {format_count(found.n_rows, 'label')}"
    verdict = {True: ": it is over-confident", False: ": it is under-confident", None: ", which they do not contradict"}
    believes = f"the model believes {format_share(belief.believed)}{verdict[belief.is_over_confident]}"
    return f"Measured accuracy {100 * found.value:.1f}{reach} % {labels}; {believes}."


def _tell_awaiting(belief: Belief) -> str:
    if belief.awaiting is None:
        return ""
    answers = "the answer that awaits its label" if belief.n_awaiting == 1 else "answers that await their label"
    which = answers if belief.n_awaiting == 1 else f"{belief.n_awaiting:,} {answers}"
    said = f"Of {which} the model believes {format_share(belief.awaiting)} to be right"
    if belief.corrected is not None and belief.corrected.low is not None and belief.corrected.high is not None:
        ends = f"{format_share(belief.corrected.low)} to {format_share(belief.corrected.high)}"
        labels = f"{format_count(belief.corrected.n_rows, 'early label')} drawn at random"
        return f"{said}; corrected by {labels} it is {format_share(belief.corrected.value)} ({ends})."
    said += ". That is its own belief, not measured"
    if belief.n_drawn:
        said += f"; of the {belief.n_drawn:,} drawn for an early label too few have one to correct it"
    if belief.n_needed is None:
        return f"{said}."
    if belief.n_needed >= belief.n_awaiting:
        return f"{said}; only the labels of all of them would tell it within {100 * belief.precision:g} points."
    labels = f"{format_count(belief.n_needed, 'label')} of them, drawn at random, would tell it"
    return f"{said}; {labels} within {100 * belief.precision:g} points."
