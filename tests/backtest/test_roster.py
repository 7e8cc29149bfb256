import numpy as np
import pytest

from backtest.small import BEGIN, LOSS, SIGNATURE, WARN, Bench


def test_versions_of_a_replay_are_numbered_in_the_order_in_which_they_came(bench: Bench) -> None:
    assert [bench.enlist("knows"), bench.enlist("turns"), bench.enlist("guesses")] == [1, 2, 3]
    assert bench.roster.versions[2].name == "v2"


def test_a_version_answers_exactly_the_rows_that_it_is_asked_about(bench: Bench) -> None:
    knows = bench.enlist("knows")
    whole = bench.roster.answer(knows, 0, bench.replay.n_rows)
    assert whole.shape == (bench.replay.n_rows, 2)
    assert np.array_equal(bench.roster.answer(knows, 40, 60), whole[40:60])


def test_versions_are_told_apart_by_what_they_learned(bench: Bench) -> None:
    mean = {
        kind: LOSS.rows(bench.roster.answer(bench.enlist(kind), 0, 100), bench.replay.labels[:100]).mean()
        for kind in ("knows", "guesses", "turns")
    }
    assert mean["knows"] < 0.35 < mean["guesses"] < 0.8 < mean["turns"]


def test_a_model_without_a_number_can_be_asked_and_joins_nothing(bench: Bench) -> None:
    knows = bench.enlist("knows")
    answers = bench.roster.answer_with(bench.fitted("knows"), SIGNATURE, 0, 20)
    assert np.array_equal(answers, bench.roster.answer(knows, 0, 20))
    assert list(bench.roster.versions) == [knows]


def test_an_action_is_worth_what_its_label_makes_it_and_nothing_is_known_without_one(bench: Bench) -> None:
    knows = bench.enlist("knows", rule=WARN)
    answers = np.array([[0.1, 0.9], [0.1, 0.9], [0.99, 0.01], [0.1, 0.9]])
    worth = bench.roster.worth(knows, answers, np.array([1, 0, 1, -1]))
    assert worth[:3].tolist() == [3.0, -1.0, 0.0]
    assert np.isnan(worth[3])


def test_without_a_declared_outcome_no_action_has_a_worth(bench: Bench) -> None:
    assert np.isnan(bench.roster.worth(bench.enlist("knows"), np.array([[0.1, 0.9]]), np.array([1]))).all()


def test_a_version_remembers_until_when_its_rows_reach(bench: Bench) -> None:
    result = bench.result("knows", at=BEGIN)
    assert result.refit is not None
    version = bench.roster.enlist(result.refit, result, dataset="d", now=bench.replay.end)
    assert version.lineage.trained_until == BEGIN
    assert version.created_at == bench.replay.end
    assert version.metrics["candidate_loss"] == pytest.approx(0.2)
