import math
from dataclasses import replace

import pytest

from holdtrue.serving.answer.loaded import FAST_SECONDS, HELD_SECONDS


@pytest.fixture
def load(flights):
    def load(stored):
        flights.release(stored)
        flights.send(1)

        async def take(client):
            return client.replica.engine.served["flights"].champion

        return flights.run(take)

    return load


@pytest.fixture
def loaded_flights(load, boosters):
    return load(boosters[0])


@pytest.mark.parametrize(
    ("call_seconds", "held_seconds", "is_fast", "waits"),
    [
        (FAST_SECONDS / 2, math.inf, True, False),
        (FAST_SECONDS * 2, math.inf, False, True),  # a thread leaves the interpreter to others
        (FAST_SECONDS * 2, HELD_SECONDS / 2, True, True),
        (FAST_SECONDS * 2, HELD_SECONDS * 2, False, True),
    ],
)
def test_the_event_loop_waits_for_what_it_would_wait_for_in_any_case(
    loaded_flights, call_seconds, held_seconds, is_fast, waits
):
    version = replace(loaded_flights, call_seconds=call_seconds, held_seconds=held_seconds)
    assert version.is_fast is is_fast
    assert (version.company_seconds > 0) is waits


def test_only_a_model_that_holds_the_interpreter_is_timed_with_many_rows(loaded_flights):
    assert not loaded_flights.scorer.holds_interpreter
    assert loaded_flights.call_seconds < math.inf
    assert loaded_flights.held_seconds == math.inf


def test_an_estimator_holds_the_interpreter_and_is_timed_so(load, forests):
    version = load(forests[0])
    assert version.scorer.holds_interpreter
    assert version.call_seconds < math.inf
    assert version.held_seconds < math.inf or version.call_seconds >= HELD_SECONDS
