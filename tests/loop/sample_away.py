"""Will the machine fail today? In steps that say where they ran."""

import os
import time
from pathlib import Path

import polars as pl
from shares import SHARE
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import holdtrue as ht


def ask(variable: str) -> str | None:  # by a name that it is given: no part of the fingerprint, as it must not be here
    return os.environ.get(variable)


def note(journal: str, name: str) -> None:
    with Path(journal).open("a") as file:
        file.write(f"{name} {ask('MACHINE')}\n")
    while Path(journal + ".hold").exists():
        time.sleep(0.05)
    while Path(journal + ".meet").exists() and not {"spread", "weigh"} <= set(Path(journal).read_text().split()):
        time.sleep(0.05)
    if name == "weigh" and Path(journal + ".break").exists():
        print("on the way")
        raise ValueError("no weight today")


def rows(data: ht.Dataset, newest: int, journal: str) -> pl.DataFrame:
    with Path(journal).open("a") as file:
        file.write(f"rows {ask('MACHINE')}\n")
    ht.note_parameter("newest", newest)
    return data.features.with_columns(label=data.label).tail(newest)


@ht.step(resources={"both": 1})
def spread(rows: pl.DataFrame, journal: str) -> StandardScaler:
    note(journal, "spread")
    ht.note_metric("rows", rows.height)
    ht.keep_figure("curve", "<svg xmlns='http://www.w3.org/2000/svg'/>")
    print("spreading", rows.height)
    return StandardScaler().fit(rows.drop("label"))


@ht.step(resources={"both": 1})
def weigh(rows: pl.DataFrame, journal: str) -> pl.Series:
    note(journal, "weigh")
    return (rows["heat"].abs() + SHARE).alias("weight")


@ht.step(resources={"cpu": 1})
def fit(rows: pl.DataFrame, spread: StandardScaler, weigh: pl.Series) -> LogisticRegression:
    strength = SHARE / float(spread.var_[0])
    return LogisticRegression(C=strength).fit(rows.drop("label"), rows["label"], sample_weight=weigh)


loop = ht.Loop(
    "machines",
    data=ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="12h"),
    pipeline=[fit, rows, spread, weigh],
    parameters={"newest": 600, "journal": "JOURNAL"},
    tune=ht.tune({"newest": ht.integers(100, 600)}, n_trials=3),
)
