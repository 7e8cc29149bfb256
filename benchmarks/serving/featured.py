"""A model of made-up flights whose columns are computed for the most part, as `docs/features.md` declares them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

import holdtrue as ht
from holdtrue.data import Dataset, derive_history, gather_lookup, take_rows
from holdtrue.data.table import read_frame
from holdtrue.domain import Lookup, PastTable, Signature, encode_canonically

START, N_DAYS = datetime(2013, 9, 1, tzinfo=UTC), 60
REFRESH = START + timedelta(days=N_DAYS)
TIME = "departs_at"
FEATURES = {
    "hour": pl.col(TIME).dt.convert_time_zone("America/New_York").dt.hour(),
    "is_weekend": pl.col("weekday") > 5,
    "log_distance": pl.col("distance").log1p(),
    "late_7d": ht.history("7d", by="carrier", of="late").mean(),
    "late_1d": ht.history("1d", by=("carrier", "dest"), of="late").mean(),
    "worse_than_usual": pl.col("late_7d").fill_null(0) > 0.4,
}


@dataclass(frozen=True)
class Featured:
    """What a project needs beside the file of the model.

    `rows` are those that are asked, as the model takes them.
    """

    signature: Signature
    lookup: Lookup
    rows: list[dict[str, object]]


def write_featured(file: Path, *, n_rows: int, n_bodies: int, seed: int) -> None:
    """Train with LightGBM on a history of flights, and write the model with what is asked of it on the day after."""
    import lightgbm

    def train(data: Dataset) -> lightgbm.Booster:
        names, labels = data.features.columns, data.label.to_numpy()
        options = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.05, "verbose": -1, "num_threads": 1}
        trees = lightgbm.Dataset(_encode(data.features), label=labels, feature_name=names)
        return lightgbm.train({**options, "seed": seed, "deterministic": True}, trees, num_boost_round=100)

    rng = np.random.default_rng(seed)
    declared = ht.table("flights", time=TIME, label="late", label_delay="6h")
    loop = ht.Loop("features", data=declared, features=FEATURES, train=train)
    known = derive_history(read_frame(_draw_flights(rng, n_rows, since=START, n_days=N_DAYS), declared), loop)
    rows = known.dataset()
    signature = Signature(
        schema=rows.schema, task=rows.task, label=known.label, classes=rows.classes, features=known.features
    )
    booster = train(rows)
    booster.save_model(file)
    asked = _draw_flights(rng, n_bodies, since=REFRESH, n_days=1)
    taken = take_rows(read_frame(asked, declared), signature, known=known)
    answers = np.asarray(booster.predict(_encode(taken), num_threads=1))
    bodies = asked.drop("late").with_columns(pl.col(TIME).dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_dicts()
    _write(file.with_suffix(".json"), {"rows": bodies, "answers": answers.tolist()})
    pasts = [feature.past for feature in signature.features if feature.past is not None]
    tables = {p.digest: PastTable(refreshed_at=REFRESH, values=gather_lookup(p, known, refresh=REFRESH)) for p in pasts}
    featured = Featured(signature, Lookup(tables=tables), taken.to_dicts())
    file.with_suffix(".featured.json").write_bytes(encode_canonically(featured))


def read_featured(file: Path) -> Featured:
    """Return what was written beside the model's file."""
    return msgspec.json.decode(file.with_suffix(".featured.json").read_bytes(), type=Featured)


def _draw_flights(rng: np.random.Generator, n_rows: int, *, since: datetime, n_days: int) -> pl.DataFrame:
    seconds = np.sort(rng.choice(n_days * 86_400, n_rows, replace=False))  # the time is the key
    carriers = rng.integers(0, 12, n_rows)
    hours = seconds % 86_400 // 3_600
    late = rng.logistic(size=n_rows) + carriers / 4 + hours / 8 > 3.5
    times = pl.Series([since + timedelta(seconds=int(each)) for each in seconds], dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame(
        {
            TIME: times,
            "distance": rng.uniform(90, 2_800, n_rows).round(1),
            "weekday": times.dt.weekday().cast(pl.Int64),
            "carrier": [f"C{each:02d}" for each in carriers],
            "dest": [f"D{each:02d}" for each in rng.integers(0, 40, n_rows)],
            "late": late,
        }
    )


def _encode(frame: pl.DataFrame) -> np.ndarray:
    """Return a frame as trees take it: texts by their codes."""
    return frame.with_columns(pl.col(pl.Enum).to_physical()).cast(pl.Float64).to_numpy()


def _write(path: Path, kept: object) -> None:
    path.write_text(json.dumps(kept), encoding="utf-8")
