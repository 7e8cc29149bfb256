import numpy as np
import pytest

from holdtrue.monitoring import Alarm, trace_alarms, watch_risk

N_A_DAY = 100
TERMS = {"limit": 0.105, "low": 0.0, "high": 1.0}


def draw_days(*spans: tuple[int, float], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return errors of so many days at such a mean, one span after the other, and the day of each."""
    rng = np.random.default_rng(seed)
    losses = np.concatenate([rng.random(n_days * N_A_DAY) < mean for n_days, mean in spans]).astype(float)
    return losses, np.repeat(np.arange(len(losses) // N_A_DAY), N_A_DAY)


def test_an_alarm_opens_with_the_rise_and_closes_after_it() -> None:
    losses, days = draw_days((60, 0.08), (40, 0.2), (80, 0.06), (30, 0.2))
    first, second = trace_alarms(losses=losses, days=days, **TERMS)
    assert 60 <= first.opened_on <= 66
    assert first.closed_on is not None
    assert 100 <= first.closed_on <= 140
    assert (first.begins_after, second.begins_after) == (None, first.closed_on)
    assert 180 <= second.opened_on <= 186
    assert second.closed_on is None


def test_the_first_alarm_is_the_one_that_the_watch_raises() -> None:
    losses, days = draw_days((60, 0.08), (40, 0.2))
    (alarm,) = trace_alarms(losses=losses, days=days, **TERMS)
    reading = watch_risk(losses=losses, days=days, reference_risk_upper=0.1, tolerance=0.005, low=0.0, high=1.0)
    assert alarm == Alarm(begins_after=None, opened_on=reading.evidence["alarmed_on"])


def test_a_calm_year_has_hardly_an_alarm_and_a_risen_one_is_not_closed() -> None:
    n_false = sum(len(trace_alarms(**_named(draw_days((365, 0.09), seed=seed)))) for seed in range(20))
    assert n_false <= 4  # a mean of 365 days at the limit itself, and this is below it
    n_closed = sum(
        alarm.closed_on is not None
        for seed in range(20)
        for alarm in trace_alarms(**_named(draw_days((365, 0.13), seed=seed)))
    )
    assert n_closed <= 4


@pytest.mark.parametrize("spans", [(), ((1, 0.5),)])
def test_no_rows_and_one_day_raise_nothing_false(spans: tuple[tuple[int, float], ...]) -> None:
    losses, days = draw_days(*spans) if spans else (np.array([]), np.array([], dtype=np.int64))
    alarms = trace_alarms(losses=losses, days=days, **TERMS)
    assert all(alarm.closed_on is None for alarm in alarms)
    assert len(alarms) <= len(spans)


def _named(drawn: tuple[np.ndarray, np.ndarray]) -> dict[str, object]:
    return {"losses": drawn[0], "days": drawn[1], **TERMS}
