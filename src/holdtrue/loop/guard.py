"""Guards: what refuses a training that a trigger asked for. Pure; live and in a replay the same."""

from .state import Facts, LoopPolicy, LoopState

BRING_ONE = "The loop declares no train: bring a model of your own with holdtrue register LOOP MODEL."


def find_refusal(policy: LoopPolicy, state: LoopState, facts: Facts, reason: str) -> str | None:
    """Return why a training that `reason` asks for may not begin, in a sentence; None when it may."""
    if not policy.trains:
        return f"{reason}. {BRING_ONE}"
    if facts.table_problem:
        return f"{reason}, but the table cannot be used: {facts.table_problem}"
    if state.champion is None:
        return None
    return _miss_news(policy, state, facts, reason)


def _miss_news(policy: LoopPolicy, state: LoopState, facts: Facts, reason: str) -> str | None:
    if facts.n_new_labels < policy.min_new_labels:
        said = f"{reason}, but only {facts.n_new_labels} labels have come since the last training"
        return f"{said}; {policy.min_new_labels} are needed."
    if facts.n_new_days < policy.min_new_days or facts.n_new_rows < policy.min_new_rows:
        news = f"{facts.n_new_rows:,} labelled rows on {facts.n_new_days} days"
        needed = f"{policy.min_new_rows} on {policy.min_new_days}"
        said = f"{reason}, but v{state.champion} has seen all but {news}"
        return f"{said}; a gate needs {needed} to rule on a challenger."
    return None
