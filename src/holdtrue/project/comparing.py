"""Comparing: two versions of a project's loop on the newest labelled rows that neither has seen."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import (
    History,
    PredictionReader,
    extend_history,
    latest_labels,
    load_snapshot,
    read_history,
    take_rows,
)
from holdtrue.domain import ActionRule, ComparedVersion, Finding, Loop, Version, VersionComparison, make_action_rule
from holdtrue.errors import DeclarationError, NotFound
from holdtrue.loop import align_classes, derive_rows, hold_functions
from holdtrue.registry import Keyring, Scorer, read_release, recall_model, resolve_version
from holdtrue.report import tell_versions
from holdtrue.validation import AnswerFigures, Candidate, Versus, as_measured, baseline_predictions, compare_answers

from .project import CHAMPION, Project
from .speed import measure_speed


@dataclass(frozen=True, kw_only=True)
class _Side:
    """A version ready to answer: scorer, rule, place, and the time of the last row that it was trained on."""

    version: Version
    scorer: Scorer
    rule: ActionRule | None
    n_bytes: int
    is_champion: bool
    seen_until: datetime

    def score(self, rows: History, known: History) -> NDArray[np.float64]:
        """Return its answers to the labelled rows, in the columns of their classes."""
        labelled = replace(rows, frame=rows.frame.filter(pl.col("__label").is_not_null()))
        answers = self.scorer.score(take_rows(labelled, self.version.signature, known=known))
        classes = self.version.signature.classes
        return align_classes(answers, classes, rows.classes) if classes else answers


def compare_versions(project: Project, first: str, second: str) -> VersionComparison:
    """Compare two versions, named by number or alias, on the newest labelled rows that neither has seen.

    The rows are those of the table and of the prediction log that are later than all that either was trained on.

    Raises:
        NotFound: there is no such version.
        DeclarationError: both names are of the same version.
        SourceMissing: the table cannot be read.
    """
    sides = _open_side(project, first), _open_side(project, second)
    if sides[0].version.number == sides[1].version.number:
        raise DeclarationError(
            f"{sides[0].version.name} would be compared with itself",
            expected="two versions",
            remedy="name another one; the second is the one in charge unless it is named",
        )
    known, table_keys = _read_known(project)
    known = hold_functions(known, project.store, *(side.version for side in sides))
    seen = max(side.seen_until for side in sides)
    later = known.rows(since=seen + timedelta(microseconds=1))
    found = _begin(project, sides, known, seen)
    if not later.dataset().n_rows:
        return replace(found, sentence=tell_versions(found, seen_until=seen))
    versus = _weigh(project, sides, known, later, seen)
    labelled = later.frame.filter(pl.col("__label").is_not_null())
    n_from_log = labelled.join(table_keys, on="__key", how="anti").height
    found = _finish(found, versus, later, n_from_log=n_from_log)
    return replace(found, sentence=tell_versions(found, seen_until=seen, scarcity=versus.scarcity))


def _open_side(project: Project, name: str) -> _Side:
    loop, store = project.loop.name, project.store
    with store.reading() as tx:
        version = resolve_version(tx, loop, name)
        champion = tx.aliases.current(loop, CHAMPION)
        try:
            release = read_release(store, tx, loop, version.number, Keyring.open(store.folder / "keys"))
        except NotFound:
            release = None  # it did not pass its checks
    data = store.artifacts.get(version.artifact)
    return _Side(
        version=version,
        scorer=recall_model(data, version.format, version.signature),
        rule=_make_rule(project.loop, version) if release is None else release.action_rule,
        n_bytes=len(data),
        is_champion=version.number == champion,
        seen_until=_find_last_seen(project, version),
    )


def _make_rule(loop: Loop, version: Version) -> ActionRule | None:
    """Return the rule of a version that was not released; None where a capacity asks for a threshold of its own."""
    if loop.outcome is None or loop.outcome.capacity is not None:
        return None
    return make_action_rule(loop.outcome, classes=version.signature.classes)


def _find_last_seen(project: Project, version: Version) -> datetime:
    """Return the time of the last labelled row that a version was trained on, by its own snapshot."""
    lineage = version.lineage
    taught = load_snapshot(project.store, lineage.dataset, project.loop.name).known_at(lineage.trained_until)
    rows = taught.dataset()
    last: datetime = rows.time[-1] if rows.n_rows else lineage.trained_until
    return last


def _read_known(project: Project) -> tuple[History, pl.DataFrame]:
    """Return what is known now of the table and the log, and the keys of the table."""
    loop, store, now = project.loop, project.store, project.clock.now()
    table = read_history(loop.table, folder=project.folder, task=loop.declared_task)
    keys = table.frame.select("__key")
    log = PredictionReader(store.folder / "log" / loop.name).read()
    if log.height:
        table = extend_history(table, log, latest_labels(store, loop.name, as_of=now, predictions=log))
    return derive_rows(table, loop).known_at(now), keys


def _begin(project: Project, sides: tuple[_Side, _Side], known: History, seen: datetime) -> VersionComparison:
    newest = replace(known, frame=known.frame.tail(20_000))
    compared = []
    for side in sides:
        speed = measure_speed(side.scorer, take_rows(newest, side.version.signature, known=known))
        compared.append(
            ComparedVersion(
                name=side.version.name,
                is_champion=side.is_champion,
                seen_until=side.seen_until,
                format=side.version.format.value,
                n_bytes=side.n_bytes,
                is_brought=side.version.is_brought,
                row_ms=speed.row_ms,
                rows_a_second=speed.rows_a_second,
            )
        )
    return VersionComparison(
        loop=project.loop.name,
        loss_name=sides[1].version.loss.kind.value,
        first=compared[0],
        second=compared[1],
        finding=Finding.NO_DATA,
        sentence="",
        unit=None if project.loop.outcome is None else project.loop.outcome.unit,
        notes=known.notes,
    )


def _weigh(project: Project, sides: tuple[_Side, _Side], known: History, later: History, seen: datetime) -> Versus:
    rows, past = later.dataset(), known.known_at(seen)
    before = past.dataset()
    baseline = baseline_predictions(
        (before if before.n_rows else rows).encoded_labels(), n_rows=rows.n_rows, task=rows.task, classes=rows.classes
    )
    candidate = Candidate(
        rows=rows,
        answers=sides[0].score(later, known),
        champion=sides[1].score(later, known),
        baseline=baseline,
        train=before if before.n_rows else rows,
        score=sides[0].scorer.score,
        loss=sides[1].version.loss,
        is_refresh=sides[0].version.lineage.code == sides[1].version.lineage.code,
        scope=project.loop.table.labels,
        rule=sides[0].rule,
        judged=later.judged(),
        train_judged=(past if before.n_rows else later).judged(),
    )
    return compare_answers(candidate, checks=project.loop.checks, champion_rule=sides[1].rule)


def _finish(found: VersionComparison, versus: Versus, later: History, *, n_from_log: int) -> VersionComparison:
    interval = versus.comparison.interval
    rows = later.dataset()
    finding = Finding.NO_DATA
    if versus.scarcity is None and interval is not None:
        finding = Finding.BETTER if interval.high < 0 else Finding.WORSE if interval.low > 0 else Finding.UNDECIDED
        finding = Finding.EQUAL if versus.is_equal else finding
    return replace(
        found,
        first=_fill(found.first, versus.first),
        second=_fill(found.second, versus.second),
        finding=finding,
        n_rows=rows.n_rows,
        n_from_log=n_from_log,
        starts_at=rows.time[0],
        ends_at=rows.time[-1],
        difference=None if interval is None else as_measured(interval),
        auc=versus.auc,
        metrics=versus.metrics,
        worth=versus.worth,
        slices=versus.slices,
    )


def _fill(compared: ComparedVersion, figures: AnswerFigures) -> ComparedVersion:
    reliability = figures.reliability
    compared = replace(
        compared, loss=figures.loss, metrics=figures.metrics, intervals=figures.intervals, worth=figures.worth
    )
    if reliability is None:
        return compared
    error = as_measured(reliability.error)
    return replace(
        compared,
        bias=as_measured(reliability.bias),
        calibration_error=replace(error, low=max(0.0, reliability.error_low.low)),
        slope=None if reliability.slope is None else as_measured(reliability.slope),
        bins=reliability.bins,
    )
