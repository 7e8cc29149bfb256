from dataclasses import replace

import numpy as np
import pytest

from holdtrue import reproducible
from holdtrue.domain import Ruling
from holdtrue.environments.progress import listening
from holdtrue.errors import DeclarationError
from holdtrue.validation.behaviour.reproduction import judge_reproduction
from holdtrue.validation.judges import judge_declared

from .models import as_classes, make_candidate

N_ROWS = 600


@pytest.fixture
def candidate(make_dataset):
    generator = np.random.default_rng(0)
    rows = make_dataset(generator.random(N_ROWS) < 0.4, {"heat": generator.random(N_ROWS)})
    return make_candidate(rows, answer(0.0))


def answer(shift: float, *, above: float = 0.0):
    return lambda frame: as_classes(0.4 + shift * (frame["heat"].to_numpy() >= above))


def test_the_same_answers_pass_and_others_fail_by_name(candidate) -> None:
    same = judge_reproduction(reproducible(), replace(candidate, refit=lambda: answer(0.0)))
    assert same.has_passed
    assert "gives the same" in same.sentence
    other = judge_reproduction(reproducible(), replace(candidate, refit=lambda: answer(0.1, above=0.5)))
    assert other.ruling is Ruling.FAILED
    assert other.evidence["largest"] == pytest.approx(0.1)
    assert other.evidence["share_beyond"] == pytest.approx(0.5, abs=0.06)
    assert other.evidence["worst"]["answer_after"] == pytest.approx(0.5)
    assert "The log-loss is" in other.sentence
    assert "random_state" in other.sentence


def test_a_difference_within_the_tolerance_passes_and_is_told(candidate) -> None:
    close = judge_reproduction(reproducible(tolerance=0.02), replace(candidate, refit=lambda: answer(0.01)))
    assert close.has_passed
    assert "move by 0.01 at most, within 0.02" in close.sentence
    dust = judge_reproduction(reproducible(), replace(candidate, refit=lambda: answer(1e-9)))
    assert dust.has_passed


def test_a_model_without_a_recipe_cannot_be_trained_again(candidate) -> None:
    verdict = judge_reproduction(reproducible(), candidate)
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "trained elsewhere" in verdict.sentence


def test_a_second_training_that_raises_is_an_error(candidate) -> None:
    def refit():
        raise MemoryError("no room")

    verdict = judge_declared([reproducible()], replace(candidate, refit=refit))[0]
    assert (verdict.check, verdict.ruling) == ("reproducible", Ruling.ERROR)


def test_it_says_that_it_trains_again(candidate) -> None:
    told = []
    with listening(told.append):
        judge_reproduction(reproducible(), replace(candidate, refit=lambda: answer(0.0)))
    assert [progress.text for progress in told] == ["training once more to compare"]


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(DeclarationError):
        reproducible(tolerance=-1)
