import numpy as np
import pytest

from holdtrue.monitoring import Alarm, follow_alarms, trace_alarms, watch_risk

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


def draw_wobbling(
    *spans: tuple[int, float], effect: float, n_a_day: int = 1_000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses within 0..1 of days that share a wobble, so that rows count `effect` times less."""
    rng = np.random.default_rng(seed)
    means = np.concatenate([np.full(n_days, mean) for n_days, mean in spans])
    within = 0.05
    between = within * np.sqrt((effect - 1) / n_a_day)
    centres = np.repeat(means + between * rng.normal(size=len(means)), n_a_day)
    losses = np.clip(centres + within * rng.normal(size=len(centres)), 0, 1)
    return losses, np.repeat(np.arange(len(means)), n_a_day)


@pytest.mark.parametrize("effect", [1.0, 7.0, 40.0])
def test_the_live_watch_and_the_replay_open_and_close_alike_at_every_design_effect(effect: float) -> None:
    terms = {"low": 0.0, "high": 1.0, "design_effect": effect}
    n_closed, n_reopened = 0, 0
    for seed in range(10):
        losses, days = draw_wobbling((40, 0.2), (25, 0.35), (60, 0.2), effect=effect, seed=seed)
        alarms = trace_alarms(losses=losses, days=days, limit=0.25, **terms)
        assert 40 <= alarms[0].opened_on <= 50
        reading = watch_risk(losses=losses, days=days, reference_risk_upper=0.24, tolerance=0.01, **terms)
        assert reading.has_risen == (alarms[-1].closed_on is None)
        assert reading.evidence["n_alarms"] == len(alarms)
        during = days < 65
        stands = watch_risk(
            losses=losses[during], days=days[during], reference_risk_upper=0.24, tolerance=0.01, **terms
        )
        assert stands.has_risen
        n_closed += alarms[0].closed_on is not None and 65 <= alarms[0].closed_on <= 100
        n_reopened += len(alarms) > 1
    assert n_closed >= 9
    assert n_reopened <= 1


def test_members_are_followed_apart_and_as_they_would_be_alone() -> None:
    rng = np.random.default_rng(5)
    losses, days = draw_days((40, 0.08), (40, 0.2), (60, 0.05))
    members = rng.integers(-1, 3, size=len(losses))
    limits, effects = np.array([0.1, 0.12, 0.3]), np.array([1.0, 3.0, 2.0])
    together = follow_alarms(
        losses, days=days, members=members, limits=limits, low=0.0, high=1.0, design_effects=effects,
        run_length_days=365.0,
    )  # fmt: skip
    for place, course in enumerate(together):
        mine = members == place
        alone = trace_alarms(
            losses=losses[mine], days=days[mine], limit=float(limits[place]), low=0.0, high=1.0,
            design_effect=float(effects[place]),
        )  # fmt: skip
        assert tuple(course.alarms) == alone
    assert together[0].alarms
    assert not together[2].alarms
