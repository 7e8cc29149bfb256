from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdtrue.domain import Alert, Cause
from holdtrue.monitoring import AlertReading, decide_alerts

NOW = datetime(2013, 9, 1, tzinfo=UTC)
RISEN = AlertReading(loop="late", version=3, cause=Cause.RISK, is_raised=True, sentence="The risk has risen.")
CALM = replace(RISEN, is_raised=False, sentence="The risk has not risen.")


def test_a_raised_reading_opens_one_alert_and_no_second() -> None:
    moves = decide_alerts([], readings=[RISEN, RISEN], now=NOW)
    [alert] = moves.opened
    assert (alert.cause, alert.version, alert.opened_at, alert.sentence) == (Cause.RISK, 3, NOW, RISEN.sentence)
    assert decide_alerts([alert], readings=[RISEN], now=NOW + timedelta(days=1)).opened == ()


def test_an_alert_closes_itself_when_its_evidence_is_gone() -> None:
    [alert] = decide_alerts([], readings=[RISEN], now=NOW).opened
    assert decide_alerts([alert], readings=[CALM], now=NOW).closed == (alert.alert_id,)


def test_an_alert_closes_when_another_version_is_in_charge() -> None:
    [alert] = decide_alerts([], readings=[RISEN], now=NOW).opened
    assert decide_alerts([alert], readings=[replace(CALM, version=4)], now=NOW).closed == (alert.alert_id,)


def test_no_reading_closes_nothing() -> None:
    [alert] = decide_alerts([], readings=[RISEN], now=NOW).opened
    assert decide_alerts([alert], readings=[], now=NOW).closed == ()
    assert decide_alerts([alert], readings=[replace(CALM, loop="other")], now=NOW).closed == ()


def test_the_same_decision_gives_the_same_id() -> None:
    first, second = (decide_alerts([], readings=[RISEN], now=NOW).opened[0] for _ in range(2))
    assert first.alert_id == second.alert_id


@given(st.lists(st.lists(st.tuples(st.integers(1, 2), st.sampled_from(list(Cause)), st.booleans()), max_size=5)))
def test_at_most_one_alert_is_open_for_each_cause(days: list[list[tuple[int, Cause, bool]]]) -> None:
    is_open: dict[str, Alert] = {}
    for n, day in enumerate(days):
        readings = [
            replace(RISEN, version=version, cause=cause, is_raised=is_raised) for version, cause, is_raised in day
        ]
        moves = decide_alerts(list(is_open.values()), readings=readings, now=NOW + timedelta(days=n))
        for alert_id in moves.closed:
            del is_open[alert_id]
        is_open |= {alert.alert_id: alert for alert in moves.opened}
        names = [(alert.loop, alert.version, alert.cause) for alert in is_open.values()]
        assert len(names) == len(set(names))
