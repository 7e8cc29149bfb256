"""Which leaks are refused? Twelve kinds, seeded into real data at several cuts, and the same data left clean.

python benchmarks/judgement/leaks.py --draws 5 --json benchmarks/results/leaks.json
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from encodings_of_labels import ENCODERS, HONEST

from holdtrue.data import History, read_history
from holdtrue.demo import DECLARATIONS, write_flights
from holdtrue.domain import NoLeak, Ruling, Table, Task, Verdict
from holdtrue.loop import load_loop
from holdtrue.validation import judge_freshness, judge_leaks

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = {"bank": "finance", "bike": "retail", "flu": "healthcare", "gas": "manufacturing"}
DATA_SETS = (*FOLDERS, "flights")
SEEDED = ("seeded", "seeded_2")
CLEAN, HONESTLY = "clean", "honest encodings"
# Cuts of clean data, as shares of its rows; each is tried on all rows and on their first fifth.
CLEAN_CUTS = (0.3, 0.5, 0.7, 0.8, 0.9)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A table, cut as a loop's gate cuts it, and how to seed it."""

    history: History
    cut: datetime
    rng: np.random.Generator
    draw: int

    @property
    def labels(self) -> np.ndarray:
        """Return the labels as numbers; -1 or NaN where missing."""
        return self.history.encoded_labels()

    def judge(self, history: History | None = None) -> list[Verdict]:
        """Cut and judge the history as a gate does at its end: training rows with the labels known at the cut."""
        known = (history or self.history).known_at(self.history.ends_at)
        train = known.rows(until=self.cut).known_at(self.cut).dataset()
        return list(judge_leaks(train, known.rows(since=self.cut).dataset(), NoLeak(), known=known))

    def judge_sides(self, train: pl.DataFrame, later: pl.DataFrame, *, sort: bool = True) -> list[Verdict]:
        """Judge rows that somebody cut in another way."""
        frames = [rows.sort("__time", maintain_order=True) if sort else rows for rows in (train, later)]
        old, new = (replace(self.history, frame=frame).dataset() for frame in frames)
        known = replace(self.history, frame=pl.concat(frames).unique("__key").sort("__time"))
        return list(judge_leaks(old, new, NoLeak(), known=known))

    def add(self, *columns: Any) -> History:
        """Return the history with seeded features."""
        series = [pl.Series(name, column) for name, column in zip(SEEDED, columns, strict=False)]
        plain = [
            one.cast(pl.Enum(sorted(one.unique().drop_nulls()))) if one.dtype == pl.String else one for one in series
        ]
        return replace(self.history, frame=self.history.frame.with_columns(plain))


def read_data(name: str, folder: Path) -> History:
    """Read one of the five data sets; flights are written to the folder before."""
    if name == "flights":
        loop = load_loop(DECLARATIONS / "loop.py")
        assert isinstance(loop.data, Table)
        return read_history(loop.data, folder=folder, task=loop.declared_task)
    path = EXAMPLES / FOLDERS[name]
    loop = load_loop(path / "loop.py")
    assert isinstance(loop.data, Table)
    return read_history(loop.data, folder=path, task=loop.declared_task)


def draw_case(history: History, draw: int, *, seed: int) -> Case:
    """Return the data cut somewhere between 55 % and 85 % of its rows."""
    rng = np.random.default_rng([seed, draw])
    cut = history.frame["__time"][int(history.n_rows * rng.uniform(0.55, 0.85))]
    return Case(history=history, cut=cut, rng=rng, draw=draw)


def choose(rng: np.random.Generator, n_rows: int, share: float) -> np.ndarray:
    return np.sort(rng.choice(n_rows, max(30, int(share * n_rows)), replace=False))


def sides(case: Case) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the labelled rows before and after the cut."""
    labelled = case.history.frame.filter(pl.col("__label").is_not_null())
    return labelled.filter(pl.col("__time") < case.cut), labelled.filter(pl.col("__time") >= case.cut)


def overlap_rows(case: Case) -> list[Verdict]:
    train, later = sides(case)
    return case.judge_sides(pl.concat([train, later[choose(case.rng, later.height, 0.05)]]), later)


def overlap_keys(case: Case) -> list[Verdict]:
    train, later = sides(case)
    rows = choose(case.rng, later.height, 0.01)
    keys = later["__key"].to_numpy().astype(object)
    keys[rows] = train["__key"].to_numpy()[case.rng.choice(train.height, len(rows), replace=False)]
    return case.judge_sides(train, later.with_columns(pl.Series("__key", keys.tolist(), dtype=pl.String)))


def share_units(case: Case) -> list[Verdict]:
    """Give each unit one label for ever; a number is taken in thirty steps."""
    labels, frame = case.labels.astype(float), case.history.frame
    if not case.history.task.has_classes:
        edges = np.unique(np.nanquantile(labels, np.linspace(0, 1, 31)))
        labels = edges[np.clip(np.searchsorted(edges, labels, side="right") - 1, 0, len(edges) - 1)]
        frame = frame.with_columns(pl.Series("__label", labels).cast(frame.schema["__label"]))
    places = np.unique(labels, return_inverse=True)[1]
    n_units = max(2, frame.height // (20 * len(np.unique(places))))
    units = [f"u{place}-{n}" for place, n in zip(places, case.rng.integers(0, n_units, frame.height), strict=True)]
    return case.judge(replace(case.history, frame=frame.with_columns(pl.Series("__unit", units))))


def move_future(case: Case) -> list[Verdict]:
    train, later = sides(case)
    is_moved = np.isin(np.arange(later.height), choose(case.rng, later.height, 0.05))
    return case.judge_sides(pl.concat([train, later.filter(pl.Series(is_moved))]), later.filter(pl.Series(~is_moved)))


def break_order(case: Case) -> list[Verdict]:
    """Split at random; leave the rows of each side out of order; or make a lag from rows in falling order."""
    if case.draw % 3 == 2:
        labels = case.history.frame["__label"].shift(-1)
        return case.judge(case.add(labels.cast(pl.String) if labels.dtype == pl.String else labels))
    train, later = sides(case)
    if case.draw % 3 == 0:
        rows = pl.concat([train, later])
        is_train = pl.Series(case.rng.random(rows.height) < train.height / rows.height)
        return case.judge_sides(rows.filter(is_train), rows.filter(~is_train))
    shuffled = [each[case.rng.permutation(each.height)] for each in (train, later)]
    return case.judge_sides(*shuffled, sort=False)


def know_later(case: Case) -> list[Verdict]:
    """Add what is written when the label is: a note that is missing before, the moment, or how long it took.

    Labels come up to four days later than they do in the data, so that some rows wait for theirs.
    """
    frame = case.history.frame
    extra = pl.Series(case.rng.integers(0, 4 * 86_400_000_000, frame.height)).cast(pl.Duration("us"))
    known = frame["__label_time"] + extra
    as_of = case.history.ends_at
    late = replace(case, history=replace(case.history, frame=frame.with_columns(known.alias("__label_time"))))
    moments = known.dt.epoch("us").cast(pl.Float64) / 1e6
    asked = frame["__time"].dt.epoch("us").cast(pl.Float64) / 1e6
    note = pl.Series(case.rng.normal(size=frame.height))
    column = (note, moments, moments - asked)[case.draw % 3]
    is_open = (known > as_of).fill_null(True)
    return late.judge(late.add(column.set(is_open, None) if case.draw % 3 == 0 else column))


def add_up(case: Case) -> list[Verdict]:
    """Add two columns that are the label together: sum, difference or ratio, against a threshold for two classes."""
    labels, rng = case.labels.astype(float), case.rng
    if case.history.task is Task.BINARY:
        labels = np.where(labels == 1, 15 + rng.exponential(30, len(labels)), 15 - rng.exponential(30, len(labels)))
    part = rng.gamma(4.0, 20.0 + 3 * np.nanstd(labels), len(labels))
    other = (labels - part, part - labels, labels / part)[case.draw % 3]
    first = part + (labels - (part - other)) if case.draw % 3 == 1 else part
    return case.judge(case.add(first, other))


def encode_labels(case: Case) -> list[Verdict]:
    """Encode a column by the mean label over all rows that have one when the gate looks; the rest gets the mean."""
    labels = take_numbers(case)
    is_there = case.history.known_at(case.history.ends_at).frame["__label"].is_not_null().to_numpy()
    codes, history = choose_levels(case)
    encode = list(ENCODERS.values())[case.draw % len(ENCODERS)]
    made = np.full(len(codes), labels[is_there].mean())
    made[is_there] = encode(np.unique(codes[is_there], return_inverse=True)[1], labels[is_there], case.rng)
    return case.judge(replace(case, history=history).add(made))


def take_numbers(case: Case) -> np.ndarray:
    """Return the labels as numbers to be averaged: of classes, whether it is the second."""
    labels = case.labels.astype(float)
    return (labels == 1).astype(float) if case.history.task.has_classes else labels


def choose_levels(case: Case) -> tuple[np.ndarray, History]:
    """Return the levels of one of the data's own columns; of a column drawn at random where there is none."""
    frame = case.history.frame
    fit = [
        name
        for name in case.history.feature_names
        if not frame[name].dtype.is_float() and not frame[name].null_count() and 5 <= frame[name].n_unique() <= 400
    ]
    if not fit:
        codes = case.rng.integers(0, 40, frame.height)
        tray = pl.Series("tray", [f"t{code:02}" for code in codes])
        return codes, replace(case.history, frame=frame.with_columns(tray.cast(pl.Enum(sorted(tray.unique())))))
    column = frame[str(case.rng.choice(fit))]
    return np.unique(column.to_physical().to_numpy(), return_inverse=True)[1], case.history


def copy_rows(case: Case) -> list[Verdict]:
    """Put copies of training rows among the later ones, under new keys."""
    train, later = sides(case)
    rows = choose(case.rng, later.height, 0.05)
    copies = train[case.rng.choice(train.height, len(rows), replace=False)].with_columns(
        (pl.lit("copy-") + pl.col("__key")).alias("__key"), later["__time"][rows], later["__label_time"][rows]
    )
    return case.judge_sides(train, pl.concat([later, copies]))


def judge_stale(case: Case) -> list[Verdict]:
    """Judge on rows that the champion was trained on."""
    later = case.history.rows(since=case.cut)
    trained_until = later.frame["__time"][int(later.n_rows * case.rng.uniform(0.3, 1.0)) - 1]
    return [*case.judge(), judge_freshness(later.dataset(), trained_until=trained_until)]


def copy_label(case: Case) -> list[Verdict]:
    """Add the label with a few errors: half a per cent of the classes or of the spread; as a code, or as a measure."""
    labels, rng = case.labels.astype(float), case.rng
    if not case.history.task.has_classes:
        return case.judge(case.add(labels + 0.005 * np.nanstd(labels) * rng.normal(size=len(labels))))
    n_classes = len(case.history.classes)
    wrong = (labels + rng.integers(1, n_classes, len(labels))) % n_classes
    noisy = np.where(rng.random(len(labels)) < 0.005, wrong, labels)
    if case.draw % 2:
        return case.judge(case.add(noisy + 0.1 * rng.normal(size=len(labels))))
    return case.judge(case.add([f"state {int(each)}" for each in noisy]))


def name_rows(case: Case) -> list[Verdict]:
    """Add an id that knows: rows numbered in order of the label, by parity, or with a letter for it."""
    labels, rng = case.labels.astype(float), case.rng
    labels = np.nan_to_num(labels, nan=float(np.nanmean(labels)))
    places = np.unique(labels, return_inverse=True)[1] if case.history.task.has_classes else (
        np.argsort(np.argsort(labels)) * 8 // len(labels)
    )  # fmt: skip
    number = np.argsort(np.argsort(labels + 1e-6 * rng.random(len(labels))))
    n_places = places.max() + 1
    shuffled = rng.permutation(len(labels))
    forms: list[object] = [
        number,
        shuffled * n_places + places,
        [f"{chr(65 + place)}-{n:07}" for place, n in zip(places, shuffled, strict=True)],
    ]
    return case.judge(case.add(forms[case.draw % 3]))


KINDS: dict[str, Callable[[Case], list[Verdict]]] = {
    "row overlap": overlap_rows,
    "key overlap": overlap_keys,
    "group overlap": share_units,
    "future rows in training": move_future,
    "time order broken": break_order,
    "known only after the event": know_later,
    "label arithmetic": add_up,
    "target-encoded on all rows": encode_labels,
    "duplicates across the split": copy_rows,
    "evaluation older than training": judge_stale,
    "near-copy of the label": copy_label,
    "id that encodes the label": name_rows,
}


def tell(verdicts: list[Verdict]) -> str:
    """Return what became of a leak: refused, inconclusive, named or silent."""
    rulings = {verdict.ruling for verdict in verdicts}
    if Ruling.FAILED in rulings:
        return "refused"
    named = {str(name) for verdict in verdicts for name in verdict.evidence.get("suspects", [])}
    if named & set(SEEDED):
        return "named"
    return "inconclusive" if Ruling.INCONCLUSIVE in rulings else "silent"


def judge_clean(history: History) -> list[dict[str, object]]:
    """Judge the clean data at several cuts, on all rows and on the first fifth, with the seconds of a core it took."""
    found = []
    for part, rows in (("all", history), ("first fifth", replace(history, frame=history.frame[: history.n_rows // 5]))):
        for share in CLEAN_CUTS:
            cut = rows.frame["__time"][int(rows.n_rows * share)]
            case = Case(history=rows, cut=cut, rng=np.random.default_rng(0), draw=0)
            began = time.process_time()
            verdicts = case.judge()
            seconds = round(time.process_time() - began, 3)
            suspects = [name for verdict in verdicts for name in verdict.evidence.get("suspects", [])]
            said = [verdict.sentence for verdict in verdicts if verdict.ruling is Ruling.FAILED]
            found.append({"rows": part, "cut": share, "refused": said, "named": suspects, "cpu_seconds": seconds})
    return found


def judge_honest(history: History, *, draws: int, seed: int) -> list[dict[str, object]]:
    """Judge the data with a column of mean labels over earlier rows alone, which is honest."""
    found: list[dict[str, object]] = []
    for draw in range(draws):
        name, encode = list(HONEST.items())[draw % len(HONEST)]
        case = draw_case(history, draw, seed=seed + 1_000)
        codes, levelled = choose_levels(case)
        labels = np.nan_to_num(take_numbers(case), nan=float(np.nanmean(take_numbers(case))))
        verdicts = case.judge(replace(case, history=levelled).add(encode(codes, labels)))
        said = [verdict.sentence for verdict in verdicts if verdict.ruling is Ruling.FAILED]
        found.append({"encoding": name, "refused": said, "named": tell(verdicts) == "named"})
    return found


@cache
def keep_data(name: str, folder: Path) -> History:
    """Return a data set that this process has read before, if it has."""
    return read_data(name, folder)


def try_part(part: str, name: str, folder: Path, draws: int, seed: int) -> object:
    """Return how the clean data, honest encodings, or the leaks of one kind ended."""
    history = keep_data(name, folder)
    if part == CLEAN:
        return judge_clean(history)
    if part == HONESTLY:
        return judge_honest(history, draws=draws, seed=seed)
    return Counter(tell(KINDS[part](draw_case(history, draw, seed=seed))) for draw in range(draws))


def try_all(said: argparse.Namespace, folder: Path) -> dict[str, dict[str, Any]]:
    """Return how each part ended, by data set; parts are shared out over processes."""
    os.environ["POLARS_MAX_THREADS"] = "1"  # of the processes that are started now: seconds are those of a core
    if "flights" in said.data:
        write_flights(folder / "flights.parquet")
    parts = (CLEAN, HONESTLY, *said.kinds)
    with ProcessPoolExecutor(said.jobs, mp_context=get_context("spawn")) as pool:
        begun = {
            (name, part): pool.submit(try_part, part, name, folder, said.draws, said.seed)
            for name in said.data
            for part in parts
        }
        found: dict[str, dict[str, Any]] = {}
        for name in said.data:
            found[name] = {part: begun[name, part].result() for part in parts}
            print_table(
                name, {kind: found[name][kind] for kind in said.kinds}, found[name][CLEAN], found[name][HONESTLY]
            )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the work out")
    parser.add_argument("--data", nargs="*", default=DATA_SETS, choices=DATA_SETS)
    parser.add_argument("--kinds", nargs="*", default=tuple(KINDS), choices=tuple(KINDS))
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = try_all(said, Path(folder))
    clean, honest = ({name: found[name][part] for name in said.data} for part in (CLEAN, HONESTLY))
    seeded = {name: {kind: found[name][kind] for kind in said.kinds} for name in said.data}
    if said.json:
        figures = {"draws": said.draws, "seed": said.seed, "seeded": seeded, "clean": clean, "honest": honest}
        said.json.write_text(json.dumps(figures, indent=1) + "\n")
    has_silent = any(counts["silent"] for kinds in seeded.values() for counts in kinds.values())
    looks = [row for found in (clean, honest) for rows in found.values() for row in rows]
    return int(has_silent or any(row["refused"] for row in looks))


def print_table(
    name: str, kinds: dict[str, Counter[str]], clean: list[dict[str, object]], honest: list[dict[str, object]]
) -> None:
    (n_refused, n_named), (refused, named) = (
        [sum(bool(row[ending]) for row in rows) for ending in ("refused", "named")] for rows in (clean, honest)
    )
    slowest = max(float(str(row["cpu_seconds"])) for row in clean)
    print(
        f"\n{name}: clean {len(clean)} times, {n_refused} refused, {n_named} named, at most {slowest:.2f} s of a core"
    )
    print(f"  with an honest encoding {len(honest)} times, {refused} refused, {named} named")
    for kind, counts in kinds.items():
        print(f"  {kind:32}" + "  ".join(f"{n} {ending}" for ending, n in sorted(counts.items())), flush=True)


if __name__ == "__main__":
    sys.exit(main())
