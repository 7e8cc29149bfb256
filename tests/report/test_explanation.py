from dataclasses import replace

from holdtrue.report import tell_answer, tell_explanation

from .explanations import make_explanation


def test_an_answer_is_told_from_its_moment_to_the_decision_behind_it() -> None:
    told = tell_explanation(make_explanation())
    assert told[0] == (
        "On 27 Sep 2013, 18:05, v5 answered True: 31 % for UA-1545 (as challenger, which it was with a chance of 5 %)."
        " The decision was wait."
    )
    assert told[1] == "Its label is False, known on 28 Sep 2013, 03:05."
    assert any("made by run run-17 from code" in sentence for sentence in told)
    assert any("60,001 rows" in sentence for sentence in told)
    assert any(sentence == "v5 passed the gate. It loses no more than v4." for sentence in told)
    assert told[-1] == "27 Sep 2013, 00:00: v5 answers 5 % from now on. (loop)"


def test_an_answer_without_label_or_version_says_so() -> None:
    bare = replace(make_explanation(), label=None, version=None, verdicts=(), decisions=())
    told = tell_explanation(bare)
    assert told[1] == "Its label has not come yet."
    assert told[2] == "v5 is not in this store."


def test_trainings_that_were_refused_are_told_last_with_their_reason() -> None:
    known = make_explanation()
    entry = replace(known.decisions[-1], action="refuse training", sentence="500 labels have come, but it is too early")
    told = tell_explanation(replace(known, refusals=(entry,)))
    assert told[-1] == "27 Sep 2013, 00:00: a training was refused. 500 labels have come, but it is too early."


def test_a_shadow_answer_and_a_fallback_are_named() -> None:
    explanation = make_explanation(role="shadow", fallback="the model took too long")
    told = tell_explanation(explanation)[0]
    assert "(as shadow)" in told
    assert "A fallback answered in its place: the model took too long." in told


def test_answers_of_every_task_are_told() -> None:
    prediction = make_explanation().prediction
    number = make_explanation(answer=(12.25,)).prediction
    three = make_explanation(answer=(0.2, 0.5, 0.3)).prediction
    assert tell_answer(prediction) == "1: 31 %"
    assert tell_answer(number) == "12.2"
    assert tell_answer(three, classes=("a", "b", "c")) == "a: 20 %, b: 50 %, c: 30 %"
