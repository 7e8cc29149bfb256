import math

import pytest

from holdtrue.serving.answer.pace import FAST_SECONDS, HELD_ROWS, HELD_SECONDS, LATE_SECONDS, N_LATE, Pace


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
def test_the_event_loop_waits_for_what_it_would_wait_for_in_any_case(call_seconds, held_seconds, is_fast, waits):
    pace = Pace(call_seconds=call_seconds, held_seconds=held_seconds)
    assert pace.is_fast is is_fast
    assert (pace.company_seconds > 0) is waits


def test_late_calls_for_few_rows_end_the_trust_when_they_come_in_a_row():
    pace = Pace(call_seconds=FAST_SECONDS / 2)
    for _ in range(N_LATE):
        pace.note(LATE_SECONDS * 2, n_rows=HELD_ROWS + 1)
        pace.note(LATE_SECONDS * 2, n_rows=1)
        pace.note(LATE_SECONDS / 2, n_rows=1)
    assert pace.is_fast
    for _ in range(N_LATE):
        pace.note(LATE_SECONDS * 2, n_rows=1)
    assert not pace.is_fast


def test_only_a_model_that_holds_the_interpreter_is_timed_with_many_rows(loaded_flights):
    assert not loaded_flights.scorer.holds_interpreter
    assert loaded_flights.pace.call_seconds < math.inf
    assert loaded_flights.pace.held_seconds == math.inf


def test_an_estimator_holds_the_interpreter_and_is_timed_so(load, forests):
    version = load(forests[0])
    assert version.scorer.holds_interpreter
    assert version.pace.call_seconds < math.inf
    assert version.pace.held_seconds < math.inf or version.pace.call_seconds >= HELD_SECONDS
