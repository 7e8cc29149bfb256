"""Are alarms followed by real loss? Five real streams, a model that is never retrained, and whose alarms were right.

python benchmarks/judgement/streams.py            # about two minutes
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from peers import DEFAULT_VENVS, Peer, Skipped, keep_results, prepare_peer, run_json
from rich.console import Console
from rich.table import Table
from watches import Ddm, exceeds_psi, ks_rejects

from holdtrue.data import Dataset, History, conform, profile_frame, read_history
from holdtrue.demo import DECLARATIONS, write_flights
from holdtrue.domain import Loop, Loss, Predictions, Task
from holdtrue.loop import load_loop
from holdtrue.monitoring import DriftReport, ReferenceRisk, measure_reference, report_drift, watch_risk

EXAMPLES = Path(__file__).parents[2] / "examples"
RIVER = Peer("river", "river.drift", ("river",))
# The first part trains, the second measures what was promised, the rest streams by in windows.
TRAIN_SHARE, PROMISE_SHARE, N_WINDOWS = 0.25, 0.15, 40
TOLERANCE_SHARE = 0.1  # of the gain over the simple baseline: the loops' default
MICROSECONDS_A_DAY = 86_400_000_000
Alarms = dict[str, NDArray[np.bool_]]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What a frozen model lost on later rows, in the order in which their labels fell due."""

    name: str
    loss: Loss
    limit: float
    early_losses: NDArray[np.float64]
    early_errors: NDArray[np.bool_]
    losses: NDArray[np.float64]
    errors: NDArray[np.bool_]
    days: NDArray[np.int64]
    windows: NDArray[np.int64]
    reference: pl.DataFrame
    parts: list[pl.DataFrame]
    promised: ReferenceRisk
    tolerance: float

    @property
    def is_bad(self) -> NDArray[np.bool_]:
        """Whether the mean loss of each window lies above what was promised and tolerated; none without rows."""
        rows = np.bincount(self.windows, minlength=N_WINDOWS)
        sums = np.bincount(self.windows, weights=self.losses, minlength=N_WINDOWS)
        return sums > self.limit * rows


def declare_streams(folder: Path) -> Iterator[tuple[str, Loop, Path]]:
    write_flights(folder / "flights.parquet")
    yield "flights", load_loop(DECLARATIONS / "loop.py"), folder
    for name, table in (("finance", "bank"), ("retail", "bike"), ("healthcare", "flu"), ("manufacturing", "gas")):
        yield table, load_loop(EXAMPLES / name / "loop.py"), EXAMPLES / name


def lay_stream(name: str, loop: Loop, folder: Path) -> Stream:
    """Train once on the oldest rows and measure the losses of all later ones."""
    assert loop.train is not None
    assert not isinstance(loop.data, Predictions)
    history = read_history(loop.data, folder=folder, task=loop.declared_task)
    places = [int(history.n_rows * share) for share in (TRAIN_SHARE, TRAIN_SHARE + PROMISE_SHARE)]
    begins = [history.frame["__time"][place] for place in places]
    data = history.known_at(begins[0]).dataset()
    model = loop.train(data)
    later = history.rows(since=begins[0])
    answers = answer(model, history, later, data)
    labels = later.encoded_labels()
    known = labels >= 0 if history.task.has_classes else np.isfinite(labels)
    if history.task.has_classes:
        loss = Loss.for_classes()
        shares = np.bincount(data.encoded_labels(), minlength=len(history.classes)) / data.n_rows
        simple = np.tile(shares, (later.n_rows, 1))
        wrong = answers.argmax(axis=1) != labels
    else:
        middle = float(np.median(data.encoded_labels()))
        loss = Loss.for_numbers(cap=float(np.quantile(np.abs(data.encoded_labels() - middle), 0.99)))
        simple = np.full(later.n_rows, middle)
        apart = np.abs(answers - labels)
        wrong = apart > np.median(apart[known][: places[1] - places[0]])
    frame = later.frame.with_columns(__place=pl.int_range(pl.len()))[np.flatnonzero(known)].sort("__label_time")
    order = frame["__place"].to_numpy()
    due = frame["__label_time"].dt.epoch("us").to_numpy()
    losses, plain = loss.rows(answers[order], labels[order]), loss.rows(simple[order], labels[order])
    is_promise = due < int(begins[1].timestamp() * 1e6)
    days = due // MICROSECONDS_A_DAY
    promised = measure_reference(losses[is_promise], days=days[is_promise])
    tolerance = max(TOLERANCE_SHARE * float(plain[is_promise].mean() - promised.mean), 1e-6 * loss.spread)
    rest = ~is_promise
    ends = np.linspace(due[rest][0], due[rest][-1] + 1, N_WINDOWS + 1)
    windows = np.searchsorted(ends, due[rest], side="right") - 1
    names = history.feature_names
    shown = frame.filter(pl.Series(rest)).select(names)
    return Stream(
        name=name, loss=loss, limit=promised.upper + tolerance, early_losses=losses[is_promise],
        early_errors=wrong[order][is_promise], losses=losses[rest], errors=wrong[order][rest], days=days[rest],
        windows=windows,
        reference=later.frame[: places[1] - places[0]].select(names),
        parts=[shown.filter(pl.Series(windows == k)) for k in range(N_WINDOWS)],
        promised=promised, tolerance=tolerance,
    )  # fmt: skip


def answer(model: Any, history: History, later: History, data: Dataset) -> NDArray[np.float64]:
    features = conform(later.frame, data.schema)
    if history.task is Task.REGRESSION:
        return np.asarray(model.predict(features), dtype=np.float64)
    table = np.zeros((later.n_rows, len(history.classes)))
    table[:, [history.classes.index(value) for value in model.classes_.tolist()]] = model.predict_proba(features)
    return table


def watch_stream(stream: Stream) -> Alarms:
    """Return for each window whether the risk alert stands at its end, on the labels that were due by then."""
    standing = np.zeros(N_WINDOWS, dtype=bool)
    for k in range(N_WINDOWS):
        seen = stream.windows <= k
        found = watch_risk(
            losses=stream.losses[seen], days=stream.days[seen], reference_risk_upper=stream.promised.upper,
            tolerance=stream.tolerance, low=stream.loss.low, high=stream.loss.high,
            design_effect=stream.promised.design_effect,
        )  # fmt: skip
        standing[k] = found.has_risen
    return {"holdtrue, risk alert": standing}


def watch_inputs(stream: Stream) -> Alarms:
    """Return for each window whether a rule on the inputs says that at least one column has moved."""
    kept, reports = profile_frame(stream.reference), list[DriftReport]()
    numbers = [name for name, dtype in stream.reference.schema.items() if dtype.is_numeric()]
    before = {name: _take(stream.reference[name]) for name in numbers}
    rules = ("holdtrue, moved", "K-S p < .05", "K-S, Bonferroni", "PSI > .2")
    found = {rule: np.zeros(N_WINDOWS, dtype=bool) for rule in rules}
    for k, part in enumerate(stream.parts):
        if part.height < 2:
            continue
        reports.append(report_drift(kept, part, earlier=reports, windows_a_year=N_WINDOWS))
        found["holdtrue, moved"][k] = bool(reports[-1].moved)
        pairs = [(before[name], _take(part[name])) for name in numbers]
        pairs = [(one, other) for one, other in pairs if len(one) and len(other)]
        found["K-S p < .05"][k] = any(ks_rejects(*pair, level=0.05) for pair in pairs)
        found["K-S, Bonferroni"][k] = any(ks_rejects(*pair, level=0.05 / len(pairs)) for pair in pairs)
        found["PSI > .2"][k] = any(exceeds_psi(*pair) for pair in pairs)
    return found


def watch_by_river(stream: Stream, python: Path, folder: Path) -> Alarms:
    """Return for each window whether a detector of river alarmed in it; the rows of the promise warm it up."""
    paths = [folder / "losses.txt", folder / "errors.txt"]
    np.savetxt(paths[0], np.concatenate([stream.early_losses, stream.losses]))
    np.savetxt(paths[1], np.concatenate([stream.early_errors, stream.errors]))
    script = Path(__file__).parent / "river_alarms.py"
    told = run_json([str(python), str(script), *map(str, paths)], time_limit=600)
    n_early = len(stream.early_losses)
    return {f"{name} (river)": _mark(stream, [place - n_early for place in told[name]]) for name in told}


def watch_by_ddm(stream: Stream) -> Alarms:
    ddm = Ddm()
    for error in stream.early_errors:
        ddm.alarms_on(error)
    return {"DDM (own 20 lines)": _mark(stream, [p for p, error in enumerate(stream.errors) if ddm.alarms_on(error)])}


def score(stream: Stream, alarms: NDArray[np.bool_]) -> dict[str, float | None]:
    """Return precision, recall and delay, in windows.

    precision: of the windows with an alarm, those whose next window is bad. recall: of the runs of bad windows, those
    with an alarm in the window before, or within. delay: from the first bad window to the first alarm, median.
    """
    bad = stream.is_bad
    told = alarms[:-1]
    starts = [k for k in range(N_WINDOWS) if bad[k] and (k == 0 or not bad[k - 1])]
    waits = []
    for start in starts:
        end = next((k for k in range(start, N_WINDOWS) if not bad[k]), N_WINDOWS)
        waits.append(next((k - start for k in range(max(start - 1, 0), end) if alarms[k]), None))
    found = [max(wait, 0) for wait in waits if wait is not None]
    return {
        "n_alarms": int(alarms.sum()),
        "precision": float(bad[1:][told].mean()) if told.any() else None,
        "recall": len(found) / len(starts) if starts else None,
        "delay": float(np.median(found)) if found else None,
    }


def _mark(stream: Stream, places: list[int]) -> NDArray[np.bool_]:
    marked = np.zeros(N_WINDOWS, dtype=bool)
    marked[stream.windows[[place for place in places if place >= 0]]] = True
    return marked


def _take(values: pl.Series) -> NDArray[np.float64]:
    return np.sort(values.cast(pl.Float64).fill_nan(None).drop_nulls().to_numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, default=DEFAULT_VENVS, help="where river's environment lies")
    chosen = parser.parse_args()
    try:
        python: Path | str = prepare_peer(RIVER, chosen.venvs)
    except Skipped as problem:
        python = str(problem)
    found: dict[str, Any] = {"river": "used" if isinstance(python, Path) else f"skipped: {python}"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for table, loop, place in declare_streams(folder):
            stream = lay_stream(table, loop, place)
            alarms = watch_stream(stream) | watch_inputs(stream) | watch_by_ddm(stream)
            if isinstance(python, Path):
                alarms |= watch_by_river(stream, python, folder)
            bad = stream.is_bad
            found[table] = {
                "n_rows": len(stream.losses), "bad_windows": int(bad.sum()), "base_rate": float(bad[1:].mean()),
                "rules": {rule: score(stream, marked) for rule, marked in alarms.items()},
            }  # fmt: skip
            show(table, found[table])
    if isinstance(python, str):
        Console().print(f"river: skipped, {python}")
    keep_results("judgement-streams", found)


def show(name: str, told: dict[str, Any]) -> None:
    title = f"{name}: {told['n_rows']:,} rows in {N_WINDOWS} windows, {told['bad_windows']} bad"
    table = Table(title=title, title_justify="left")
    for column in ("rule", "windows with an alarm", f"precision (base {told['base_rate']:.0%})", "recall", "delay"):
        table.add_column(column)
    for rule, scores in told["rules"].items():
        shares = ["-" if scores[part] is None else f"{scores[part]:.0%}" for part in ("precision", "recall")]
        delay = "-" if scores["delay"] is None else f"{scores['delay']:.0f} windows"
        table.add_row(rule, str(scores["n_alarms"]), *shares, delay)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
