"""Watch: what is known of a version in charge, in words."""

from holdtrue.domain import Version
from holdtrue.report.words import format_number, join_words

N_HEAVIEST = 3


def tell_weights(version: Version) -> str:
    """Say which features a version rests on most; "" where none was weighed or none carries anything."""
    heaviest = [(name, weight) for name, weight in version.weights.items() if weight > 0][:N_HEAVIEST]
    if not heaviest:
        return ""
    said = join_words([f"{name} ({format_number(weight)})" for name, weight in heaviest])
    return f"Rests most on {said}: so much more it loses without what they say."
