from dataclasses import replace
from datetime import UTC, datetime

from holdtrue.domain import Belief, Estimate, Lineage, Loss, ModelFormat, Schema, Signature, Task, Version
from holdtrue.report import tell_beliefs, tell_weights

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


BELIEF = Belief(
    loop="late", version=1, metric="accuracy", as_of=BEGAN, n_awaiting=9_000, awaiting=0.8123, n_needed=1_222,
    measured=Estimate(value=0.772, n_rows=2_773, low=0.757, high=0.787), believed=0.807,
    excess=Estimate(value=0.035, n_rows=2_773, low=0.015, high=0.055),
)  # fmt: skip


def test_a_belief_stands_beside_what_was_measured_and_is_called_a_belief() -> None:
    measured, awaiting = tell_beliefs([replace(BELIEF, metric="log_loss"), BELIEF])
    assert (
        measured == "Measured accuracy 77.2 ± 1.5 % from 2,773 labels; the model believes 80.7 %: it is over-confident."
    )
    assert awaiting == (
        "Of 9,000 answers that await their label the model believes 81.2 % to be right. That is its own belief, not"
        " measured; 1,222 labels of them, drawn at random, would tell it within 2 points."
    )


def test_what_labels_do_not_contradict_is_not_called_over_confident() -> None:
    open_ = replace(BELIEF, excess=Estimate(value=0.01, n_rows=2_773, low=-0.01, high=0.03))
    assert tell_beliefs([open_])[0].endswith("the model believes 80.7 %, which they do not contradict.")
    modest = replace(BELIEF, excess=Estimate(value=-0.03, n_rows=2_773, low=-0.05, high=-0.01))
    assert tell_beliefs([modest])[0].endswith("80.7 %: it is under-confident.")


def test_a_corrected_belief_says_by_what_it_was_corrected_and_one_that_could_not_be_says_so() -> None:
    corrected = replace(BELIEF, measured=None, corrected=Estimate(value=0.76, n_rows=212, low=0.721, high=0.799))
    assert tell_beliefs([corrected]) == (
        "Of 9,000 answers that await their label the model believes 81.2 % to be right; corrected by 212 early labels"
        " drawn at random it is 76 % (72.1 % to 79.9 %).",
    )
    (told,) = tell_beliefs([replace(BELIEF, measured=None, n_drawn=400)])
    assert "of the 400 drawn for an early label too few have one to correct it; 1,222 labels" in told


def test_few_answers_want_all_their_labels_and_no_belief_says_nothing() -> None:
    (told,) = tell_beliefs([replace(BELIEF, measured=None, n_awaiting=40, n_needed=40)])
    assert told.endswith("only the labels of all of them would tell it within 2 points.")
    assert tell_beliefs([]) == ()
    assert tell_beliefs([replace(BELIEF, measured=None, awaiting=None)]) == ()
