"""Sentences: what charts and verdicts say, in words that neither hide nor add."""

from holdtrue.domain import (
    BacktestResult,
    Comparison,
    EvidencePoint,
    LabelCoverage,
    PeriodResult,
    PolicyResult,
    Rollout,
    RolloutStatus,
    RolloutView,
    Ruling,
    StageKind,
    StandardResult,
    Verdict,
    VerdictRecord,
    format_count,
)
from holdtrue.report.words import (
    format_days,
    format_moment,
    format_number,
    format_period,
    format_share,
    is_month,
    join_words,
    name_loss,
    name_standard,
)

_RULED = {
    Ruling.PASSED: "passed",
    Ruling.FAILED: "failed",
    Ruling.INCONCLUSIVE: "could not be judged in",
    Ruling.ERROR: "could not be tried in",
}


def tell_backtest(result: BacktestResult) -> tuple[str, ...]:
    """Say what the loop would have been worth: its loss, how it compares, its worst months, its work and its value."""
    told = result.told
    sentences = [_tell_loss(result, told), *_tell_belief(told)]
    sentences += [tell_comparison(c, unit_name=result.unit_name) for c in told.versus]
    sentences += _tell_worst_periods(result, told)
    sentences.append(_tell_work(told))
    sentences += [_tell_standard(found) for found in result.standards]
    if told.value is not None:
        interval = _tell_interval(told.value.low, told.value.high)
        sentences.append(f"Its decisions were worth {format_number(told.value.amount)} {told.value.unit}{interval}.")
    return tuple(sentences)


def _tell_loss(result: BacktestResult, told: PolicyResult) -> str:
    span = (
        f"From {format_period(result.started_at, result.ended_at)}, over {format_count(told.n_rows, result.unit_name)}"
    )
    if told.loss is None:
        return f"{span}, no label is known, so that nothing can be said of {told.policy}."
    covered = f" of which {format_share(told.n_labelled / told.n_rows)} have a label" if told.n_rows else ""
    loss = f"{told.policy} lost {format_number(told.loss)} a {result.unit_name} ({name_loss(told.loss_name)}"
    interval = _tell_interval(told.loss_low, told.loss_high, opening="; ", closing="")
    baseline = (
        f", where the simple baseline loses {format_number(result.baseline_loss)}" if result.baseline_loss else ""
    )
    return f"{span}{covered}, {loss}{interval}){baseline}."


def _tell_belief(told: PolicyResult) -> list[str]:
    right, believed = told.metrics.get("accuracy"), told.metrics.get("believed_accuracy")
    if right is None or believed is None:
        return []
    points = 100 * (believed - right)
    verdict = f"{abs(points):.1f} points too {'high' if points > 0 else 'low'}" if abs(points) >= 0.05 else "as it was"
    answers = f"{format_share(right)} of its answers were right"
    return [f"{answers}; its versions themselves believed {format_share(believed)}, {verdict}."]


def _tell_interval(low: float | None, high: float | None, *, opening: str = " (", closing: str = ")") -> str:
    if low is None or high is None:
        return ""
    return f"{opening}95 % interval {format_number(low)} to {format_number(high)}{closing}"


def tell_comparison(comparison: Comparison, *, unit_name: str = "prediction") -> str:
    """Say whether a policy lost less or more than another, or that it cannot be told.

    >>> tell_comparison(Comparison(other="static", difference=-0.02, low=-0.03, high=-0.01, n_blocks=44))
    'That is 0.020 less a prediction than static (95 % interval 0.010 to 0.030 less, 44 blocks of time).'
    """
    low, high = comparison.low, comparison.high
    size = format_number(abs(comparison.difference))
    if low is None or high is None:
        side = "less" if comparison.difference < 0 else "more"
        return f"That is {size} {side} a {unit_name} than {comparison.other}; there is too little data for an interval."
    blocks = format_count(comparison.n_blocks, "block") + " of time"
    if low < 0 < high:
        return (
            f"It cannot be told apart from {comparison.other}: between {format_number(-low)} less and"
            f" {format_number(high)} more a {unit_name} (95 % interval, {blocks})."
        )
    side = "less" if comparison.difference < 0 else "more"
    near, far = sorted((abs(low), abs(high)))
    interval = f"95 % interval {format_number(near)} to {format_number(far)} {side}"
    return f"That is {size} {side} a {unit_name} than {comparison.other} ({interval}, {blocks})."


def _tell_worst_periods(result: BacktestResult, told: PolicyResult) -> list[str]:
    compared = [(period, period.versus_static) for period in told.periods if period.versus_static is not None]
    if not compared or told.policy == "static":
        return []
    worse = [_tell_excess(period, found) for period, found in compared if found.difference > result.margin]
    noun = "month" if all(is_month(period.start, period.end) for period in told.periods) else "period"
    margin = format_number(result.margin)
    if not worse:
        return [f"No {noun} was worse than static beyond the margin of {margin}."]
    verb = "was" if len(worse) == 1 else "were"
    return [f"{join_words(worse)} {verb} worse than static beyond the margin of {margin}."]


def _tell_excess(period: PeriodResult, found: Comparison) -> str:
    by = f"{format_period(period.start, period.end)} (by {format_number(found.difference)}"
    if found.low is None or found.high is None:
        return f"{by})"
    if found.low > 0:
        return f"{by}, surely)"
    return f"{by}, which may be luck: between {format_number(-found.low)} less and {format_number(found.high)} more)"


def _tell_work(told: PolicyResult) -> str:
    if not told.n_retrains:
        return "It never retrained."
    times = "once" if told.n_retrains == 1 else f"{told.n_retrains:,} times"
    work = f"It retrained {times}, promoted {told.n_promotions:,} and rejected {told.n_rejected:,}."
    if not told.n_catch_ups:
        return work
    again = f"{told.n_catch_ups:,} of the promoted were fitted once more on the labels of their rollout"
    return f"{work} {again}; that costs a fit each, which is not counted as a retraining."


def _tell_standard(found: StandardResult) -> str:
    n_all = found.n_passed + found.n_failed + found.n_inconclusive
    said = (
        f"The standard “{name_standard(found.standard)}” passes "
        f"{found.n_passed:,} of {format_count(n_all, 'challenger')}"
    )
    if found.after_refused is None or not n_all - found.n_passed:
        return f"{said}."
    side = "less" if found.after_refused < 0 else "more"
    return f"{said}; those it refuses lost {format_number(abs(found.after_refused))} {side} than the champion later on."


def tell_verdict(verdict: Verdict | VerdictRecord, *, name: str = "The version") -> str:
    """Say what was ruled about a version and why: of a record, the sentences of what did not pass, else of all."""
    if isinstance(verdict, Verdict):
        return verdict.sentence
    stage = "the check of its refit" if verdict.stage.value == "refit" else f"the {verdict.stage.value}"
    against = [v for v in verdict.verdicts if not v.has_passed]
    reasons = " ".join(v.sentence for v in against or verdict.verdicts)
    return f"{name} {_RULED[verdict.ruling]} {stage}. {reasons}".strip()


def tell_evidence(
    point: EvidencePoint, *, unit_name: str = "prediction", is_paired: bool = True, days_left: float | None = None
) -> str:
    """Say what the evidence of a rollout allows to be believed at this moment; it may be asked at any time.

    >>> from datetime import UTC, datetime
    >>> point = EvidencePoint(at=datetime(2013, 9, 1, tzinfo=UTC), n_rows=8412, difference=-0.6, low=-1.1, high=-0.3)
    >>> tell_evidence(point)
    'We are 95 % sure that the challenger loses between 0.300 and 1.10 less a prediction (8,412 pairs).'
    """
    rows = format_count(point.n_rows, "pair" if is_paired else "row")
    wait = f"; at this traffic {format_days(days_left)} more" if days_left else ""
    if point.low is None or point.high is None:
        return f"Not yet known: {rows} so far{wait}."
    if point.low < 0 < point.high:
        worse, better = format_number(point.high), format_number(-point.low)
        return f"Not yet known: between {worse} worse and {better} better a {unit_name} ({rows}){wait}."
    near, far = sorted((abs(point.low), abs(point.high)))
    side = "less" if point.high <= 0 else "more"
    between = f"between {format_number(near)} and {format_number(far)} {side} a {unit_name}"
    return f"We are 95 % sure that the challenger loses {between} ({rows})."


def tell_rollout(view: RolloutView, *, unit_name: str = "prediction") -> tuple[str, ...]:
    """Say where a rollout stands, what its evidence says, and how long it is expected to take."""
    rollout = view.rollout
    name = f"v{rollout.challenger}"
    if rollout.status is not RolloutStatus.ACTIVE:
        ended = f" on {format_moment(rollout.ended_at)}" if rollout.ended_at else ""
        verb = "was promoted" if rollout.status is RolloutStatus.PROMOTED else "was stopped"
        said = (rollout.sentence,) if rollout.sentence else ()
        return (f"{name} {verb}{ended}.", *said)
    if rollout.plan.is_gate_only:
        return (f"{name} passed its gate, which alone decides here.", rollout.plan.note)
    evidence = view.sentence or rollout.sentence
    if not evidence and view.evidence:
        last = view.evidence[-1]
        evidence = tell_evidence(last, unit_name=unit_name, is_paired=rollout.stage.is_paired)
    left = view.expected_days_left
    wait = (f"At this traffic {format_days(left)} more to the end of the rollout.",) if left else ()
    return (_tell_stage(rollout), evidence or "No pair has matured yet.", *wait)


def _tell_stage(rollout: Rollout) -> str:
    name, place = f"v{rollout.challenger}", f"stage {rollout.stage_index + 1} of {len(rollout.plan.stages)}"
    if rollout.stage.kind is StageKind.SHADOW:
        return f"{name} answers in shadow, where nobody sees it ({place})."
    return f"{name} answers {format_share(rollout.stage.share)} of the units ({place})."


def tell_exposure(*, name: str, n_exposed: int, n_rows: int) -> str:
    """Say how many answers a stopped version gave while it was on trial.

    >>> tell_exposure(name="v5", n_exposed=0, n_rows=12_204)
    'v5 answered nobody: 0 of 12,204 requests.'
    """
    if not n_exposed:
        return f"{name} answered nobody: 0 of {format_count(n_rows, 'request')}."
    return f"{name} answered {n_exposed:,} of {format_count(n_rows, 'request')} ({format_share(n_exposed / n_rows)})."


def tell_coverage(coverage: LabelCoverage) -> str:
    """Say how many of the due labels have come."""
    share = coverage.share
    if not coverage.n_predictions:
        return "No prediction has been asked for yet."
    if share is None:
        return f"No label is due yet; {format_count(coverage.n_predictions, 'prediction')} wait for theirs."
    waiting = coverage.n_predictions - coverage.n_due
    later = f"; {waiting:,} more are not due yet" if waiting > 0 else ""
    return (
        f"{coverage.n_labelled:,} of {format_count(coverage.n_due, 'due label')} "
        f"have come ({format_share(share)}){later}."
    )
