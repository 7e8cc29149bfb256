"""Policy: a loop's declaration with its defaults filled in from its own rows."""

from datetime import timedelta

from holdtrue.data import History
from holdtrue.domain import Every, Loop, OnRisk
from holdtrue.rollout import Pace, plan_rollout

from .state import LoopPolicy

LIVE_SCHEDULE = Every(span=timedelta(days=7))
# The pace of evidence is measured on this newest share of the known rows.
PACE_SHARE = 0.2


def make_policy(loop: Loop, known: History, *, default: Every = LIVE_SCHEDULE, is_running: bool = False) -> LoopPolicy:
    """Return what a loop is run by; without a declared schedule it gets `default`, and always the risk trigger.

    Its rollouts are fitted to the newest rows, so it is made anew as traffic changes.

    Raises:
        DeclarationError: the declared rollout is longer than the schedule, in a loop that is not running yet.
    """
    triggers = loop.triggers
    every = triggers.every if triggers is not None and triggers.every is not None else default
    on_risk = OnRisk() if triggers is None else triggers.on_risk
    plan = plan_rollout(loop.rollout, measure_pace(known, every.span), is_running=is_running)
    return LoopPolicy(every=every, on_risk=on_risk, plan=plan, trains=loop.trains)


def tell_cadence(policy: LoopPolicy, pace: Pace) -> str | None:
    """Say how often a training can start where a gate needs more news than the schedule brings; None where it does not.

    >>> from holdtrue.domain import RolloutPlan
    >>> weekly = LoopPolicy(every=LIVE_SCHEDULE, on_risk=None, plan=RolloutPlan(stages=(), note=""))
    >>> pace = Pace(labelled_rows_per_day=1000, label_delay=timedelta(0), interval=timedelta(days=7))
    >>> tell_cadence(weekly, pace)
    'a gate needs 43 labelled rows on 11 days that the champion has not seen: a training starts about every 11 days'
    """
    by_rows = policy.min_new_rows / pace.labelled_rows_per_day if pace.labelled_rows_per_day > 0 else float("inf")
    days = max(float(policy.min_new_days), by_rows)
    if policy.every is None or days <= policy.every.span / timedelta(days=1):
        return None
    often = f"about every {days:,.0f} days" if days < float("inf") else "never at this traffic"
    needs = f"a gate needs {policy.min_new_rows} labelled rows on {policy.min_new_days} days"
    return f"{needs} that the champion has not seen: a training starts {often}"


def measure_pace(known: History, interval: timedelta) -> Pace:
    """Return how fast evidence came in over the newest rows: first exposures of a unit whose label came."""
    span = known.ends_at - known.starts_at
    newest = known.rows(since=known.ends_at - max(span * PACE_SHARE, timedelta(microseconds=1)))
    # A row whose label is still on its way will have one: rows are counted where labels had time to come.
    ripe = newest.frame.filter(newest.frame["__time"] + known.label_delay <= known.ends_at)
    share = ripe["__label"].is_not_null().mean() if ripe.height else 1.0
    n_labelled = newest.frame["__unit"].n_unique() * (share if isinstance(share, float) else 1.0)
    days = max((newest.ends_at - newest.starts_at) / timedelta(days=1), 1e-9) if newest.n_rows > 1 else 1.0
    return Pace(labelled_rows_per_day=n_labelled / days, label_delay=known.label_delay, interval=interval)
