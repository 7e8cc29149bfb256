"""Golden set: frozen rows that no feed may alter; whatever would ship must keep its floor there."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from holdtrue.data import History, derive_columns, encode_labels, read_history, read_snapshot, take_rows, write_snapshot
from holdtrue.domain import Golden, Loop, Loss, Ruling, Signature, Task, Verdict, combine_rulings, format_count
from holdtrue.errors import HoldtrueError, SourceError, SourceMissing
from holdtrue.registry import recall_model
from holdtrue.store import Artifacts, Store
from holdtrue.validation import baseline_predictions

from .memory import change_memory, read_memory
from .order import Fitted, TrainingResult

CHECK = "golden set"


def read_golden(loop: Loop, golden: Golden, *, folder: Path, task: Task) -> History:
    """Return the golden rows; raises `SourceError` where the file is not there or is not as the loop's table."""
    table = replace(loop.table, path=golden.path, query=None, function=None)
    declared = replace(table, source=None, early_labels=None, judged=(), late=())
    return read_history(declared, folder=folder, task=task)


def lay_golden(artifacts: Artifacts, loop: Loop, golden: Golden, *, folder: Path, task: Task) -> str:
    """Keep the golden rows as an artifact and return its digest.

    Raises:
        SourceError: the file is not there, cannot be read or is not as the loop's table.
    """
    return artifacts.put(write_snapshot(read_golden(loop, golden, folder=folder, task=task)))


def print_golden(golden: Golden, *, folder: Path) -> str:
    """Return the digest of the golden file; raises `SourceMissing` where it is gone."""
    place = folder / golden.path
    if not place.is_file():
        raise SourceMissing(f"the golden set {place} is not there", expected="the file that was declared, unchanged")
    return hashlib.sha256(place.read_bytes()).hexdigest()


def find_golden(store: Store, loop: Loop, *, folder: Path, task: Task) -> tuple[str | None, str]:
    """Return the digest of a loop's golden rows, pinned at their first use, and why they cannot be used.

    Of the two one is empty; both are where no golden set is declared. A file that has changed since, or is gone, cannot
    be used, although its rows are kept.
    """
    golden = None if loop.guards is None else loop.guards.golden
    if golden is None:
        return None, ""
    with store.reading() as tx:
        pins = read_memory(tx, loop.name).get("golden", {})
    try:
        file = print_golden(golden, folder=folder)
        pin = pins.get(golden.path)
        if pin is None:
            pin = {"file": file, "rows": lay_golden(store.artifacts, loop, golden, folder=folder, task=task)}
            with store.transaction() as tx:
                change_memory(tx, loop.name, {"golden": {**pins, golden.path: pin}})
        elif pin["file"] != file:
            _refuse_change(golden, pin["file"])
    except HoldtrueError as problem:
        return None, str(problem)
    return str(pin["rows"]), ""


def _refuse_change(golden: Golden, pinned: str) -> None:
    raise SourceError(
        f"the golden set {golden.path} has changed since it was first used",
        expected=f"the bytes with the digest {pinned[:12]}",
        remedy="bring the old file back; a new golden set needs a new name",
    )


def leave_golden_out(history: History, artifacts: Artifacts, rows: str) -> History:
    """Return a history without the golden rows: what a model learned from tells nothing of it.

    They are known by their key, and by their moment and features too: a key that another program wrote (007 as 7) must
    not let its row through.
    """
    golden = read_snapshot(artifacts.get(rows))
    names = sorted(set(history.feature_names) & set(golden.feature_names))
    is_known = _hash_rows(history.frame, names).is_in(_hash_rows(golden.frame, names).implode())
    kept = history.frame.filter(~is_known).join(
        golden.frame.select("__key"), on="__key", how="anti", maintain_order="left"
    )
    n_out = history.n_rows - kept.height
    if not n_out:
        return history
    return replace(
        history, frame=kept, notes=(*history.notes, f"{format_count(n_out, 'row')} of the golden set left out")
    )


def _hash_rows(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    """Return a number for each row that tells its moment and features, whatever types a file gave them."""
    numbers = [name for name in names if frame[name].dtype.is_numeric() or frame[name].dtype == pl.Boolean]
    told = [pl.col(name).cast(pl.Float64 if name in numbers else pl.String) for name in names]
    return frame.select(found=pl.struct(pl.col("__time").cast(pl.Datetime("us", "UTC")), *told).hash()).to_series()


def hold_to_golden(
    golden: Golden, rows: str, result: TrainingResult, artifacts: Artifacts, *, known: History
) -> TrainingResult:
    """Return a result whose rulings also say whether what would ship keeps its floor on the golden set.

    Args:
        golden: names the floor.
        rows: digest of the golden rows.
        result: of a training, a catch-up, or the judging of a brought model.
        artifacts: where models and rows are.
        known: what features of the past are gathered of.
    """
    history = read_snapshot(artifacts.get(rows))
    history = replace(history, frame=derive_columns(history.frame, result.signature.features, known=known))
    history = replace(history, features=result.signature.features)

    def judge(model: Fitted) -> Verdict:
        return _judge(golden, history, model, result.signature, result.loss, artifacts)

    evaluation, refit = result.evaluation, result.refit
    if evaluation is None:
        return result if refit is None else replace(result, catch_up=(*result.catch_up, judge(refit)))
    found = [judge(model) for model in (result.candidate, refit) if model is not None]
    worst = min(found, key=lambda verdict: verdict.has_passed)
    ruling = combine_rulings([*evaluation.verdicts, worst]) if worst.ruling is Ruling.FAILED else evaluation.ruling
    sentence = worst.sentence if ruling is not evaluation.ruling else evaluation.sentence
    judged = replace(evaluation, verdicts=(*evaluation.verdicts, worst), ruling=ruling, sentence=sentence)
    # A verdict binds a digest: a refit whose candidate, or who itself, fell below the floor must not keep a good one.
    verdict = result.refit_verdict if worst.has_passed or result.refit_verdict is None else worst
    return replace(result, evaluation=judged, refit_verdict=verdict)


def _judge(
    golden: Golden, history: History, model: Fitted, signature: Signature, loss: Loss, artifacts: Artifacts
) -> Verdict:
    skill, n_rows = measure_skill(history, model, signature, loss, artifacts)
    has_passed = skill >= golden.floor
    said = f"On the golden set ({format_count(n_rows, 'frozen row')}) its skill is {skill:.3f}"
    against = f"at least {golden.floor:g} is asked for" if has_passed else f"below the floor of {golden.floor:g}"
    return Verdict(
        check=CHECK,
        ruling=Ruling.PASSED if has_passed else Ruling.FAILED,
        sentence=f"{said}; {against}." if has_passed else f"{said}, {against}.",
        evidence={"skill": skill, "floor": golden.floor, "n_rows": n_rows},
    )


def measure_skill(
    history: History, model: Fitted, signature: Signature, loss: Loss, artifacts: Artifacts
) -> tuple[float, int]:
    """Return the skill of a stored model on labelled rows, see `Golden`, and their number."""
    labelled = replace(history, frame=history.frame.filter(history.frame["__label"].is_not_null()))
    frame = labelled.frame
    scorer = recall_model(artifacts.get(model.artifact), model.format, signature)
    answers = scorer.score(take_rows(labelled, signature))
    labels = encode_labels(frame["__label"], task=signature.task, classes=signature.classes)
    # A class that the model does not know is missed altogether.
    losses = np.full(frame.height, loss.high)
    known = labels >= 0 if signature.task.has_classes else np.isfinite(labels)
    losses[known] = loss.rows(answers[known], labels[known])
    if not known.any():
        return -1.0, frame.height
    constant = baseline_predictions(
        labels[known], n_rows=int(known.sum()), task=signature.task, classes=signature.classes
    )
    base = float(loss.rows(constant, labels[known]).mean())
    mean = float(np.nan_to_num(losses, nan=loss.high).mean())
    return (1 - mean / base if base > 0 else 0.0), frame.height
