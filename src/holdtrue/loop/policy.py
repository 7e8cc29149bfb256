"""Policy: a loop's declaration with its defaults filled in from its own rows."""

from datetime import timedelta

from holdtrue.data import History
from holdtrue.domain import Every, Guards, Loop, OnRisk, Triggers, format_count
from holdtrue.rollout import Pace, plan_rollout

from .state import LoopPolicy

LIVE_SCHEDULE = Every(span=timedelta(days=7))
# The pace of evidence is measured on this newest share of the known rows.
PACE_SHARE = 0.2


def make_policy(loop: Loop, known: History, *, default: Every = LIVE_SCHEDULE, is_running: bool = False) -> LoopPolicy:
    """Return what a loop is run by; where no triggers are declared it gets `default` and the risk trigger.

    One with `on_risk()` alone gets `default` too; calendars, new data and other loops stand in place of a schedule.

    Its rollouts are fitted to the newest rows, so it is made anew as traffic changes.

    Raises:
        DeclarationError: the declared rollout is longer than the schedule, in a loop that is not running yet.
    """
    guards = loop.guards or Guards()
    triggers = loop.triggers or Triggers((OnRisk(),))
    # Who says when to train otherwise has said it; risk alone comes too late where labels do.
    is_otherwise = bool(triggers.crons or triggers.on_new_data or triggers.afters)
    every = triggers.every or (None if is_otherwise else default)
    spans = [each.calendar.measure_span(known.ends_at) for each in triggers.crons]
    span = every.span if every is not None else min(spans, default=default.span)
    return LoopPolicy(
        every=every,
        on_risk=triggers.on_risk,
        plan=plan_rollout(loop.rollout, measure_pace(known, span), is_running=is_running),
        crons=triggers.crons,
        on_new_data=triggers.on_new_data,
        afters=triggers.afters,
        usual_span=span,
        trains=loop.trains,
        guards=guards,
        min_new_labels=guards.min_new_labels,
    )


def tell_triggers(policy: LoopPolicy) -> tuple[str, ...]:
    """Say what starts a training of a loop, one trigger after the other.

    >>> from holdtrue.domain import RolloutPlan, on_new_data
    >>> plan = RolloutPlan(stages=(), note="")
    >>> weekly = LoopPolicy(every=LIVE_SCHEDULE, on_risk=OnRisk(), plan=plan, on_new_data=on_new_data(min_rows=500))
    >>> tell_triggers(weekly)
    ('the schedule of every 7 days', '500 new labels', 'the risk of the version in charge')
    """
    told = [] if policy.every is None else [policy.every.sentence]
    told += [each.sentence for each in policy.crons]
    told += [] if policy.on_new_data is None else [f"{format_count(policy.on_new_data.min_rows, 'new label')}"]
    told += [f"a new version of {each.loop}" for each in policy.afters]
    return (*told, *(() if policy.on_risk is None else ("the risk of the version in charge",)))


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
    if (policy.every is None and not policy.crons) or days <= policy.interval / timedelta(days=1):
        return None
    often = f"about every {days:,.0f} days" if days < float("inf") else "never at this traffic"
    needs = (
        f"a gate needs {format_count(policy.min_new_rows, 'labelled row')} "
        f"on {format_count(policy.min_new_days, 'day')}"
    )
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
