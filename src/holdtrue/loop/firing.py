"""Firings: which triggers ask for a training now. Pure; live and in a replay the same."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from holdtrue.domain import format_clause

from .state import Facts, Firing, LoopPolicy, LoopState

# A gate that could not rule asked for more rows: it is asked again after this share of the schedule.
RETRY_SHARE = 0.5
SCHEDULE = "schedule"
FIRST = "no version is in charge yet"


def find_firings(policy: LoopPolicy, state: LoopState, facts: Facts, now: datetime) -> tuple[Firing, ...]:
    """Return every trigger that asks for a training now; the first is the reason of the run.

    What is asked for while a training or a rollout is under way is asked once when that has ended: moments of one clock
    that nobody could answer are one firing.
    """
    if state.champion is None:
        return _want_first(policy, state, now)
    return (
        *_fire_by_clock(policy, state, now),
        *_fire_again(policy, state, facts, now),
        *_fire_by_data(policy, state, facts),
        *_fire_by_risk(policy, state, facts, now),
    )


def _want_first(policy: LoopPolicy, state: LoopState, now: datetime) -> tuple[Firing, ...]:
    if state.last_run_at is None:
        return (Firing(trigger="first", reason=FIRST),)
    # A first training that failed its checks is tried again on the schedule, not at every tick.
    if now - state.last_run_at < policy.interval:
        return ()
    return (Firing(trigger="first", reason=f"{FIRST}, and the schedule says so"),)


def _fire_by_clock(policy: LoopPolicy, state: LoopState, now: datetime) -> Iterator[Firing]:
    # A version that was put in charge without a training has no last one: its schedule begins with one.
    last_run_at = state.last_run_at or now - policy.interval
    asked_since = state.asked_since or last_run_at
    if policy.every is not None:
        asked = state.asked.get(SCHEDULE)
        due = policy.every.find_due(last_run_at, asked, now)
        if due is None and policy.every.at is not None and asked_since < last_run_at:
            # The moment came before a catch-up, during the rollout that it ended.
            due = policy.every.find_due(asked_since, asked, last_run_at)
        if due is not None:
            moment = None if policy.every.at is None else due
            yield Firing(trigger=SCHEDULE, reason=policy.every.sentence, moment=moment)
    for each in policy.crons:
        due = each.calendar.find_last(state.asked.get(each.calendar.name, asked_since), now)
        if due is not None:
            yield Firing(trigger=each.calendar.name, reason=each.sentence, moment=due)


def _fire_again(policy: LoopPolicy, state: LoopState, facts: Facts, now: datetime) -> Iterator[Firing]:
    waited = None if state.last_run_at is None else now - state.last_run_at
    # Without a schedule who asks (new data, another loop) asks again as well.
    has_schedule = policy.every is not None or bool(policy.crons)
    if not state.is_undecided or not has_schedule or waited is None or waited < policy.interval * RETRY_SHARE:
        return
    if facts.n_new_labels >= policy.min_new_labels:
        reason = "the gate could not rule on the last challenger, and more labels have come"
        yield Firing(trigger="undecided gate", reason=reason)


def _fire_by_data(policy: LoopPolicy, state: LoopState, facts: Facts) -> Iterator[Firing]:
    wanted = policy.on_new_data
    if wanted is not None and facts.n_new_labels >= wanted.min_rows:
        reason = (
            f"{format_clause(facts.n_new_labels, 'label', one='has', many='have')} become "
            f"known, and {wanted.min_rows:,} {'is' if wanted.min_rows == 1 else 'are'} asked for"
        )
        yield Firing(trigger="new data", reason=reason)
    for each in policy.afters:
        promoted_at = facts.promotions.get(each.loop)
        if promoted_at is not None and (state.asked_since is None or promoted_at > state.asked_since):
            yield Firing(trigger=f"after {each.loop}", reason=f"{each.loop} has put a new version in charge")


def _fire_by_risk(policy: LoopPolicy, state: LoopState, facts: Facts, now: datetime) -> Iterator[Firing]:
    if policy.on_risk is None or facts.risk is None or not facts.risk.has_risen:
        return
    waited: timedelta | None = None if state.last_run_at is None else now - state.last_run_at
    if waited is None or waited >= policy.on_risk.cooldown:
        yield Firing(trigger="risk", reason=facts.risk.sentence)
