"""Palette: the colours of charts and pages, readable by the colour-blind, each with its twin for a dark screen.

The hues are those of Okabe and Ito, Color Universal Design (2008), moved a little where thin lines need more contrast.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ink:
    """One colour on a `light` ground and on a `dark` one; in lower-case hex, since style sheets compare it as text."""

    light: str
    dark: str


TEXT = Ink("#1f2328", "#e6edf3")
MUTED = Ink("#59636e", "#9aa4af")
GRID = Ink("#d9dee4", "#323a43")
BLUE = Ink("#0072b2", "#5aaeea")
VERMILION = Ink("#c65102", "#f08a4b")
GREEN = Ink("#00855f", "#35c49a")
PURPLE = Ink("#b8629a", "#e09ac4")
AMBER = Ink("#c98500", "#eab64a")
CARD = Ink("#ffffff", "#171c22")
INKS = (CARD, TEXT, MUTED, GRID, BLUE, VERMILION, GREEN, PURPLE, AMBER)

_KNOWN_POLICIES = {"loop": BLUE, "static": MUTED, "schedule": AMBER, "even": PURPLE}
_SPARE = (GREEN, VERMILION)

DARK_STYLE = "".join(
    f'[fill="{ink.light}"]{{fill:{ink.dark}}}[stroke="{ink.light}"]{{stroke:{ink.dark}}}' for ink in INKS
)
"""CSS rules that turn a light chart dark: presentation attributes give way to any rule of a style sheet."""


def color_policies(names: Sequence[str]) -> list[str]:
    """Return a colour for each policy: the four known ones keep theirs, others take what is left in turn.

    >>> color_policies(["static", "loop"])
    ['#59636e', '#0072b2']
    """
    others = [name for name in names if name not in _KNOWN_POLICIES]
    spare = {name: _SPARE[i % len(_SPARE)] for i, name in enumerate(others)}
    return [(_KNOWN_POLICIES | spare)[name].light for name in names]
