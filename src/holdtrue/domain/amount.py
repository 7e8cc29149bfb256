"""Amounts: numbers that a team declares, held against what can be meant by them when they are declared."""

from math import isfinite
from typing import TypeGuard

from holdtrue.errors import DeclarationError

# Beyond it a moment plus so many days has no date.
LONGEST_DAYS = 100_000


def check_amount(
    call: str,
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    is_whole: bool = False,
    is_optional: bool = False,
    hint: str = "",
) -> None:
    """Refuse what is no finite number within the bounds; a boolean is none.

    Args:
        call: what the user wrote, such as "slices".
        name: of its argument.
        value: what was given for it.
        least: the least number that is allowed.
        above: numbers must be above this one.
        most: the largest number that is allowed.
        below: numbers must be below this one.
        is_whole: only whole numbers will do.
        is_optional: None will do.
        hint: what to add to what is expected.

    Raises:
        DeclarationError: it is something else.

    >>> check_amount("slices", "margin", float("nan"), least=0)
    Traceback (most recent call last):
    holdtrue.errors.DeclarationError: slices(margin=nan). Expected: a number of at least 0.
    """
    if value is None and is_optional:
        return
    if _is_finite(value, is_whole=is_whole):
        number = float(value)
        is_high = (least is None or number >= least) and (above is None or number > above)
        if is_high and (most is None or number <= most) and (below is None or number < below):
            return
    bounds = [
        f"{word} {bound:g}"
        for word, bound in (("of at least", least), ("above", above), ("at most", most), ("below", below))
        if bound is not None
    ]
    kind = "a whole number" if is_whole else "a number"
    expected = f"{kind} {' and '.join(bounds)}" if bounds else f"{kind} that is finite"
    raise DeclarationError(f"{call}({name}={value!r})", expected=expected + (", or None" if is_optional else "") + hint)


def _is_finite(value: object, *, is_whole: bool) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int if is_whole else int | float):
        return False
    try:
        return isfinite(float(value))
    except OverflowError:
        return False
