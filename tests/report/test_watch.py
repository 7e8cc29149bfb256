from dataclasses import replace
from datetime import UTC, datetime

from holdtrue.domain import Lineage, Loss, ModelFormat, Schema, Signature, Task, Version
from holdtrue.report import tell_weights

BEGAN = datetime(2013, 9, 1, tzinfo=UTC)
VERSION = Version(
    loop="late", number=1, digest="d", artifact="a", format=ModelFormat.SKOPS,
    signature=Signature(schema=Schema(columns=()), task=Task.BINARY, label="late", classes=(False, True)),
    lineage=Lineage(run_id="r", dataset="s", trained_until=BEGAN, code="c"), loss=Loss.for_classes(), created_at=BEGAN,
)  # fmt: skip


def test_the_heaviest_features_are_named_and_those_that_carry_nothing_are_not() -> None:
    weights = {"weight_hour": 0.02, "weight_carrier": 0.3, "weight_tail": 0.0, "candidate_loss": 0.4}
    told = tell_weights(replace(VERSION, metrics=weights))
    assert told == "Rests most on carrier (0.300) and hour (0.020): so much more it loses without what they say."
    assert tell_weights(replace(VERSION, metrics={"weight_tail": 0.0})) == ""
    assert tell_weights(VERSION) == ""
