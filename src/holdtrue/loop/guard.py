"""Guards: what refuses a training that a trigger asked for. Pure; live and in a replay the same."""

from datetime import datetime

from holdtrue.domain import format_clause, format_count

from .spending import find_overspending
from .state import Facts, LoopPolicy, LoopState

BRING_ONE = "The loop declares no train: bring a model of your own with holdtrue register LOOP MODEL."


def find_refusal(
    policy: LoopPolicy, state: LoopState, facts: Facts, now: datetime, reason: str, *, catches_up: bool = False
) -> str | None:
    """Return why a training that `reason` asks for may not begin, in a sentence; None when it may.

    A catch-up belongs to a rollout that passed, and is refused by its budget and by what it cannot do without alone.
    """
    if not policy.trains:
        return f"{reason}. {BRING_ONE}"
    against = _find_obstacle(policy, facts)
    if against is None and not catches_up:
        against = _find_haste(policy, state, now) or (_miss_news(policy, state, facts) if state.champion else None)
    return None if against is None else f"{reason}, but {against}"


def _find_obstacle(policy: LoopPolicy, facts: Facts) -> str | None:
    if facts.table_problem:
        return f"the table cannot be used: {facts.table_problem}"
    if facts.golden_problem:
        return facts.golden_problem
    most, top = policy.guards.max_source_share, facts.top_source
    if most is not None and top is not None and top[1] > most:
        share = f"{100 * top[1]:.0f} % of the labelled rows come from {top[0]!r}"
        return f"{share}, and one source may have at most {100 * most:g} %."
    spent = find_overspending(policy.guards, facts.spent)
    return None if spent is None else f"{spent}."


def _find_haste(policy: LoopPolicy, state: LoopState, now: datetime) -> str | None:
    cooldown = policy.guards.cooldown
    if cooldown is None or state.last_run_at is None or now - state.last_run_at >= cooldown:
        return None
    hours = cooldown.total_seconds() / 3600
    return f"the last training began less than {hours:g} hours ago."


def _miss_news(policy: LoopPolicy, state: LoopState, facts: Facts) -> str | None:
    if facts.n_new_labels < policy.min_new_labels:
        said = f"only {format_clause(facts.n_new_labels, 'label', one='has', many='have')} come since the last training"
        return f"{said}; {policy.min_new_labels} are needed."
    if facts.n_new_days < policy.min_new_days or facts.n_new_rows < policy.min_new_rows:
        news = f"{format_count(facts.n_new_rows, 'labelled row')} on {format_count(facts.n_new_days, 'day')}"
        needed = f"{policy.min_new_rows} on {policy.min_new_days}"
        return f"v{state.champion} has seen all but {news}; a gate needs {needed} to rule on a challenger."
    return None
