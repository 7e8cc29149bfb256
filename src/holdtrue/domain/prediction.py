"""Prediction: one row of the prediction log, written before its answer leaves."""

from typing import Any

import msgspec

from holdtrue.domain.traffic import Role


class Prediction(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One answered (or shadow) row.

    Attributes:
        prediction_id: names this answer; a shadow row carries the id of the answer that it shadows.
        loop: name of the loop.
        key: the event, for joining its label.
        unit: who or what was exposed.
        time: business moment of the prediction, Unix seconds UTC.
        features: the values as they came, by name.
        answer: class probabilities, or one number.
        decision: the action of the release's rule, if it has one.
        version: number of the version that answered; of a fallback without one, that in whose place it answered.
        role: champion, challenger, shadow, last_good, or forced by a test.
        fallback: which fallback answered and why; None when the version did.
        probability: probability of this assignment at that time.
        traffic_revision: revision of the traffic row that routed it.
        schema_version: digest of the signature's schema.
        latency_ms: time in the server, in milliseconds.
        received_at: machine time of the request, Unix seconds UTC.
        n_unseen: how many values were levels that training had not seen (taken as missing).
    """

    prediction_id: str
    loop: str
    key: str
    unit: str
    time: float
    features: dict[str, Any]
    answer: tuple[float, ...]
    decision: str | None
    version: int
    role: Role
    fallback: str | None
    probability: float
    traffic_revision: int
    schema_version: str
    latency_ms: float
    received_at: float
    n_unseen: int = 0


class LabelFact(msgspec.Struct, frozen=True, kw_only=True):
    """One label as it came. The last one received for a key counts; earlier ones are kept.

    `at` is the business moment at which it was known (Unix seconds UTC), `received_at` the machine's time of receipt.
    """

    loop: str
    label: bool | int | float | str
    at: float
    received_at: float
    key: str | None = None
    prediction_id: str | None = None
