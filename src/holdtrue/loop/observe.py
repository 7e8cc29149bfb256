"""Observe: what the log and the labels say at a moment, as facts for deciding."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import History, encode_labels, join_labels
from holdtrue.domain import EvidencePoint, Json, Role, Rollout, Signature, StageKind, Version, match_failed
from holdtrue.monitoring import RiskReading, SlicesReading, explain_drift, find_places, tell_causes, tell_places
from holdtrue.rollout import (
    NEWEST_REQUESTS,
    Evidence,
    Exposures,
    Skew,
    Tally,
    find_failing,
    find_skew,
    weigh_exposures,
)

from .classes import align_classes
from .risk import RiskWatch
from .slices import cut_slices, read_features

DAY = timedelta(days=1)


def gather_evidence(
    log: pl.DataFrame, labels: pl.DataFrame, rollout: Rollout, versions: Mapping[int, Version], *,
    label_delay: timedelta, now: datetime,
) -> Evidence:  # fmt: skip
    """Weigh what the prediction log and the labels say of a rollout at a moment.

    Args:
        log: what `read_predictions` returned.
        labels: what `latest_labels` returned.
        rollout: the active rollout.
        versions: champion and challenger by number.
        label_delay: how long after a prediction its label is due.
        now: business time.
    """
    rows = _pair(log, rollout)
    stage, failing = rollout.stage, _find_failing(log, rollout)
    if not rows.height:
        nothing = Exposures.none()
        evidence = weigh_exposures(nothing, rollout.terms, stage_index=rollout.stage_index, is_paired=stage.is_paired)
        return replace(evidence, failing=failing)
    n_exposed = int((rows["role"] == Role.CHALLENGER.value).sum())
    first = rows.unique("unit", keep="first", maintain_order=True)
    joined = join_labels(first, labels, label_delay=label_delay, as_of=now)
    ripe = joined.filter(pl.col("is_due")).sort("due_at", maintain_order=True)
    evidence = weigh_exposures(
        _expose(ripe, rollout, versions), rollout.terms, stage_index=rollout.stage_index, is_paired=stage.is_paired
    )
    return replace(evidence, n_exposed=n_exposed, skew=_find_skew(rows, rollout, versions), failing=failing)


def trace_evidence(
    log: pl.DataFrame, labels: pl.DataFrame, rollout: Rollout, versions: Mapping[int, Version], *,
    label_delay: timedelta, now: datetime, n_points: int = 24,
) -> tuple[EvidencePoint, ...]:  # fmt: skip
    """Return where the evidence of a rollout stood at some moments, in order; arguments as of `gather_evidence`."""
    first = _pair(log, rollout).unique("unit", keep="first", maintain_order=True)
    joined = join_labels(first, labels, label_delay=label_delay, as_of=now)
    ripe = joined.filter(pl.col("is_due")).sort("due_at", maintain_order=True)
    if not ripe.height:
        return ()
    rows, stage = _expose(ripe, rollout, versions), rollout.stage
    points = []
    for n in sorted({int(edge) for edge in np.linspace(0, ripe.height, n_points + 1)[1:]} - {0}):
        found = weigh_exposures(
            rows.first(n), rollout.terms, stage_index=rollout.stage_index, is_paired=stage.is_paired
        )
        if found.estimate is not None and found.interval is not None:
            low, high = found.interval.low, found.interval.high
            at = ripe["due_at"][n - 1]
            points.append(EvidencePoint(at=at, n_rows=found.n_rows, difference=found.estimate, low=low, high=high))
    return tuple(points)


def _find_skew(rows: pl.DataFrame, rollout: Rollout, versions: Mapping[int, Version]) -> Skew | None:
    """Return a column of the newest requests that the challenger never learned, as the rollout's own log shows them."""
    champion, challenger = (versions[number].signature.given for number in (rollout.champion, rollout.challenger))
    newest = rows.tail(NEWEST_REQUESTS)["features"].struct.unnest()
    values = {name: newest[name].to_list() for name in challenger.names if name in newest.columns}
    return find_skew(values, challenger=challenger, champion=champion)


def _find_failing(log: pl.DataFrame, rollout: Rollout) -> str | None:
    """Return why the challenger's answers cannot speak for it: it leaves rows to others that the champion answers."""
    mine = log.filter(pl.col("time") >= rollout.started_at).sort("time")
    challenger, champion = (_tally(mine, number) for number in (rollout.challenger, rollout.champion))
    return find_failing(challenger, champion)


def _tally(log: pl.DataFrame, number: int) -> Tally:
    has_failed = pl.col("fallback").str.contains(match_failed(number)).fill_null(value=False)
    has_answered = (pl.col("version") == number) & pl.col("fallback").is_null()
    failed = log.filter(has_failed | has_answered).tail(NEWEST_REQUESTS).select(has_failed)
    return Tally(n_asked=failed.height, n_failed=int(failed.to_series().sum()))


def _pair(log: pl.DataFrame, rollout: Rollout) -> pl.DataFrame:
    """Return the answers of a rollout in order of time, each with its shadow's answer where there is one."""
    mine = log.filter((pl.col("time") >= rollout.started_at) & pl.col("fallback").is_null())
    answers = mine.filter(pl.col("role") != Role.SHADOW.value)
    shadows = mine.filter(pl.col("role") == Role.SHADOW.value).select(
        "prediction_id", pl.col("answer").alias("shadow_answer"), pl.col("version").alias("shadow_version")
    )
    rows = answers.join(shadows, on="prediction_id", how="left", maintain_order="left")
    sides = [rollout.champion, rollout.challenger]
    is_of_rollout = pl.col("version").is_in(sides) & (
        pl.col("shadow_version").is_in(sides) | (pl.col("probability") < 1)
    )
    return rows.filter(is_of_rollout.fill_null(value=False)).sort("time", maintain_order=True)


def _expose(rows: pl.DataFrame, rollout: Rollout, versions: Mapping[int, Version]) -> Exposures:
    is_challenger = (rows["version"] == rollout.challenger).to_numpy()
    share = np.where(is_challenger, rows["probability"].to_numpy(), 1 - rows["probability"].to_numpy())
    share[np.abs(share) < 1e-9] = 0.0
    answered = score_losses(rows, "answer", rows["version"], versions)
    shadowed = score_losses(rows, "shadow_answer", rows["shadow_version"], versions)
    shares = np.array([stage.share if stage.kind is StageKind.CANARY else 0.0 for stage in rollout.plan.stages])
    return Exposures(
        challenger_loss=np.where(is_challenger, answered, shadowed),
        champion_loss=np.where(is_challenger, shadowed, answered),
        is_challenger=is_challenger,
        share=share,
        stage=np.abs(share[:, None] - shares[None, :]).argmin(axis=1).astype(np.int64),
    )


def score_losses(
    rows: pl.DataFrame, column: str, numbers: pl.Series, versions: Mapping[int, Version]
) -> NDArray[np.float64]:
    """Return the loss of the answers in a column, shape (n_rows,); nan without label, answer or known version."""
    losses = np.full(rows.height, np.nan)
    for number, version in versions.items():
        chosen = (numbers == number).fill_null(value=False) & rows[column].is_not_null() & rows["label"].is_not_null()
        if not chosen.any():
            continue
        part = rows.filter(chosen)
        signature = version.signature
        labels = encode_labels(part["label"], task=signature.task, classes=signature.classes)
        known = labels >= 0 if signature.task.has_classes else np.isfinite(labels)
        answers = read_answers(part[column], signature)
        known &= np.isfinite(answers).reshape(part.height, -1).all(axis=1)
        found = np.full(part.height, np.nan)
        found[known] = version.loss.rows(answers[known], labels[known])
        losses[chosen.to_numpy()] = found
    return losses


def read_answers(answers: pl.Series, signature: Signature) -> NDArray[np.float64]:
    """Return logged answers as (n_rows, n_classes) probabilities or (n_rows,) numbers."""
    # Not through lists of Python's: a log has millions of answers.
    table = answers.explode().cast(pl.Float64).to_numpy().reshape(len(answers), -1)
    if not signature.task.has_classes:
        return table[:, 0]
    return align_classes(table, signature.classes, signature.classes)


def explain_risk(
    reading: RiskReading, reference: History, log: pl.DataFrame, *, weights: Mapping[str, float] | None = None
) -> RiskReading:
    """Return a reading with what moved in the inputs beside it, as the likely cause; drift decides nothing here.

    Args:
        reading: of a risk that has risen.
        reference: what the version in charge learned from.
        log: the answers that were judged.
        weights: what each feature carries in that version; None or empty ranks by distance alone.
    """
    asked = log.filter((pl.col("role") != Role.SHADOW.value) & pl.col("is_first"))
    causes = explain_drift(reference, asked, weights=weights or None) if asked.height else []
    moved: list[Json] = [{"column": c.column, "distance": c.distance, "weight": c.weight} for c in causes]
    evidence = {**reading.evidence, "moved": moved}
    return replace(reading, sentence=f"{reading.sentence} {tell_causes(causes)}", evidence=evidence)


def place_risk(reading: RiskReading, slices: SlicesReading | None) -> RiskReading:
    """Return the reading of a risk that has risen with the declared slices that carry it, as the likely place."""
    if slices is None or not slices.watched:
        return reading
    places: list[Json] = list(find_places(slices))
    evidence = {**reading.evidence, "places": places}
    return replace(reading, sentence=f"{reading.sentence} {tell_places(slices)}", evidence=evidence)


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedAnswers:
    """Answers of one version whose label is due and has come, in the order in which these fell due.

    Attributes:
        losses: what each lost, shape (n_rows,).
        days: day (since 1970, UTC) on which its label was due, shape (n_rows,).
        features: what was asked, a struct for each row.
    """

    losses: NDArray[np.float64]
    days: NDArray[np.int64]
    features: pl.Series


def judge_answers(
    log: pl.DataFrame, labels: pl.DataFrame, version: Version, *, since: datetime, label_delay: timedelta, now: datetime
) -> JudgedAnswers:
    """Return the matured answers that a version gave since a moment, not those of its shadow or a fallback."""
    mine = log.filter(
        (pl.col("time") >= since)
        & (pl.col("version") == version.number)
        & (pl.col("role") != Role.SHADOW.value)
        & pl.col("is_first")
        & pl.col("fallback").is_null()
    )
    joined = join_labels(mine, labels, label_delay=label_delay, as_of=now)
    ripe = joined.filter(pl.col("is_due") & pl.col("is_labelled")).sort("due_at", maintain_order=True)
    losses = score_losses(ripe, "answer", ripe["version"], {version.number: version})
    known = np.isfinite(losses)
    days = ripe["due_at"].dt.epoch("d").to_numpy().astype(np.int64)
    features = ripe["features"] if "features" in ripe.columns else pl.Series([None] * ripe.height, dtype=pl.Struct({}))
    return JudgedAnswers(losses=losses[known], days=days[known], features=features.filter(pl.Series(known)))


def read_slices(rows: JudgedAnswers, watch: RiskWatch) -> SlicesReading | None:
    """Read how the declared slices stand; None where none was judged."""
    if not watch.slices:
        return None
    frame = read_features(rows.features, watch.slices)
    return watch.read_slices(rows.losses, rows.days, cut_slices(frame, watch.slices))
