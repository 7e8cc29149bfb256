"""Early labels: a random share of the events whose label is fetched soon, to correct what a model believes.

Which events is settled by a hash of their key: nobody chooses, and everybody can check.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from holdtrue.domain.amount import check_amount
from holdtrue.domain.span import parse_span
from holdtrue.errors import DeclarationError


@dataclass(frozen=True, kw_only=True)
class EarlyLabels:
    """A declared random sample of early labels.

    Attributes:
        share: of the events (0..1), drawn by a hash of loop and key.
        within: how long after the prediction the label of a drawn event has come.
    """

    share: float
    within: timedelta

    def has_drawn(self, loop: str, key: str) -> bool:
        """Say whether the event of this key was drawn for an early label.

        >>> drawn = [EarlyLabels(share=0.25, within=timedelta(days=1)).has_drawn("late", str(i)) for i in range(4000)]
        >>> 900 < sum(drawn) < 1100
        True
        """
        digest = hashlib.sha256(f"{loop}\n{key}".encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.share * 2**64

    def check_delay(self, label_delay: timedelta) -> None:
        """Raise DeclarationError when the other labels come as soon as the early ones."""
        if self.within >= label_delay:
            raise DeclarationError(
                f"early_labels come within {self.within}, every label comes after {label_delay}",
                expected="early labels that come before the others",
                remedy="shorten within=, or leave early_labels= out",
            )


def sampled(share: float, *, within: str | timedelta) -> EarlyLabels:
    """Declare that the label of a random share of the events is fetched early; `holdtrue label --wanted` lists them.

    Raises:
        DeclarationError: the share is not above 0 and below 1.

    >>> sampled(0.05, within="2d").within
    datetime.timedelta(days=2)
    """
    check_amount("sampled", "share", share, above=0, below=1)
    return EarlyLabels(share=float(share), within=parse_span(within))
