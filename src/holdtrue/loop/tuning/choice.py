"""Choice: the parameters that a tuning chose, kept until the next one or until the declaration changes."""

import msgspec

from holdtrue.codebase import trace_code
from holdtrue.domain import Choice, Loop, Metric, Version, digest_of
from holdtrue.loop.memory import change_memory, read_memory
from holdtrue.store import Transaction

_MEMORY = "tuned"


def sign_tuning(loop: Loop) -> str:
    """Return the digest of what the loop declares to be tuned: ranges, parameters to begin with, and the metric."""
    ranges = [] if loop.tune is None else [[name, type(one).__name__, one] for name, one in loop.tune.ranges]
    metric = None if loop.tune is None else loop.tune.metric
    return digest_of([ranges, dict(loop.parameters), *([] if metric is None else [_sign_metric(metric)])])


def _sign_metric(metric: Metric) -> list[str | bool]:
    return [metric.name, metric.is_highest_best, "" if metric.function is None else trace_code(metric.function).digest]


def remember_choice(tx: Transaction, loop: Loop, choice: Choice) -> None:
    """Have trainings use these parameters from now on."""
    change_memory(tx, loop.name, {_MEMORY: msgspec.to_builtins(choice)})


def find_choice(tx: Transaction, loop: Loop, *, follows: Version | None = None) -> Choice | None:
    """Return the parameters that a training uses in place of the declared ones; None for those that are declared.

    A catch-up, which `follows` a version, uses what that version was trained with.
    """
    if follows is not None:
        order = tx.runs.read(follows.lineage.run_id).parameters.get("order") or {}
        kept = order.get("tuned")
    else:
        kept = read_memory(tx, loop.name).get(_MEMORY)
    choice = None if kept is None else msgspec.convert(kept, Choice)
    return choice if choice is not None and choice.declaration == sign_tuning(loop) else None
