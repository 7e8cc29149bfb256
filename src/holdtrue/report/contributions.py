"""Contributions: what each value of a row added to its answer, in sentences and as bars for a terminal."""

from holdtrue.domain import Contributions, Method, Scale, format_count
from holdtrue.report.words import format_number

N_SHOWN = 12
BAR_WIDTH = 24
_SCALES = {
    Scale.ANSWER: "",
    Scale.PROBABILITY: " as a probability",
    Scale.LOG_ODDS: " in log-odds",
    Scale.SCORE: " in the model's own score",
}


def tell_contributions(found: Contributions) -> tuple[str, ...]:
    """Say where an answer starts from, where it ends, how that was found, and what adds most."""
    what = f" for {found.of}" if found.of is not None else ""
    way = f"It starts from {_say(found.base)} and ends at {_say(found.answer)}{what}{_SCALES[found.scale]}."
    if found.method is Method.EXACT:
        how = "What each value adds is exact, from the model's trees; the start is their mean over its training rows."
    else:
        rows, asked = format_count(found.n_references, "row"), format_count(found.n_calls, "answer")
        how = (
            f"What each value adds is estimated from {asked} of the model; the start is its mean answer to {rows} of"
            " the release's sample."
        )
    parts = [part for part in found.parts if part.amount][:2]
    if not parts:
        return (way, how, "No value moved it.")
    told = " and ".join(
        f"{part.feature} = {_spell(part.value)} {'raises' if part.amount > 0 else 'lowers'} it by "
        f"{_say(abs(part.amount))}"
        for part in parts
    )
    return (way, how, f"Most of all, {told}.")


def draw_contributions(found: Contributions) -> tuple[str, ...]:
    """Draw a bar for each of the largest contributions: to the right what raises the answer, else to the left.

    The rest is summed in a last line.
    """
    shown, rest = found.parts[:N_SHOWN], found.parts[N_SHOWN:]
    rows = [(f"{part.feature} = {_spell(part.value)}", part.amount, part.standard_error) for part in shown]
    if rest:
        rows.append((f"{len(rest)} others", sum(part.amount for part in rest), None))
    largest = max((abs(amount) for _, amount, _ in rows), default=0.0) or 1.0
    width = max((len(name) for name, _, _ in rows), default=0)
    lines = []
    for name, amount, error in rows:
        length = round(BAR_WIDTH * abs(amount) / largest)
        left = ("█" * length if amount < 0 else "").rjust(BAR_WIDTH)
        right = ("█" * length if amount > 0 else "").ljust(BAR_WIDTH)
        spread = "" if error is None else f" ± {format_number(error)}"
        lines.append(f"{name.ljust(width)}  {left}|{right}  {amount:+.4g}{spread}")
    return tuple(lines)


def _say(number: float) -> str:
    return format_number(float(number))


def _spell(value: object) -> str:
    text = "null" if value is None else format_number(value) if isinstance(value, float) else str(value)
    return text if len(text) <= 24 else text[:21] + "..."
