"""The same pipeline of 12 steps on real flights: here, and on two machines of a Ray cluster. Are the digests equal?

python benchmarks/pipeline/flights.py

336,776 departures of 2013; a training here is one fit on all of them, without the gate. Each is done in a fresh
process: cold (nothing kept), warm (all kept), and resumed (killed with -9 once half of the steps were kept, then begun
again).
Seconds are those of the training, with the start of its processes and the connection to the cluster, and without
reading the table. The cluster is two machines of one core each on loopback, with token authentication; needs
`holdtrue[ray,examples]`.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, nullcontext
from datetime import timedelta
from pathlib import Path

from holdtrue.data import read_history, take_snapshot
from holdtrue.demo import write_flights
from holdtrue.loop import EnvironmentTrainer, TrainingOrder
from holdtrue.project import open_project
from holdtrue.testing.cluster import TwoMachines

RESULTS = Path(__file__).parents[1] / "results"
N_STEPS = 12
LOOP = '''"""Will the flight arrive 15 minutes late or more? In 12 steps."""

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss

import holdtrue as ht


def recent(data: ht.Dataset, newest: int) -> pl.DataFrame:
    return data.features.with_columns(late=data.label.cast(pl.Float64), time=data.time).tail(newest)


def by_carrier(recent: pl.DataFrame) -> pl.DataFrame:
    return recent.group_by("carrier").agg(pl.col("late").mean(), n=pl.len()).sort(pl.col("carrier").cast(pl.String))


def by_hour(recent: pl.DataFrame) -> pl.DataFrame:
    hour = pl.col("leaves_minute") // 60
    return recent.group_by(hour=hour).agg(pl.col("late").mean(), n=pl.len()).sort("hour")


def weather(recent: pl.DataFrame) -> dict[str, float]:
    names = ["temp", "humid", "wind_speed", "precip", "visib"]
    return {name: float(recent[name].mean() or 0) for name in names}


def weigh_days(recent: pl.DataFrame, half_life_days: int) -> np.ndarray:
    age = (recent["time"].max() - recent["time"]).dt.total_seconds().to_numpy() / 86_400
    return 0.5 ** (age / half_life_days)


def weigh_carriers(recent: pl.DataFrame, by_carrier: pl.DataFrame) -> np.ndarray:
    joined = recent.select("carrier").join(by_carrier, on="carrier", how="left", maintain_order="left")
    return 1 / np.sqrt(joined["n"].to_numpy().astype(float))


def probe(recent: pl.DataFrame, leaves: int) -> float:
    inputs = recent.drop("late", "time")
    cut = int(recent.height * 0.8)
    model = HistGradientBoostingClassifier(
        max_iter=20, max_leaf_nodes=leaves, categorical_features="from_dtype", early_stopping=False, random_state=0
    ).fit(inputs.head(cut), recent["late"].head(cut))
    return float(log_loss(recent["late"].tail(-cut), model.predict_proba(inputs.tail(-cut))))


@ht.step(resources={"cpu": 1})
def probe_small(recent: pl.DataFrame) -> float:
    return probe(recent, 7)


@ht.step(resources={"cpu": 1})
def probe_middle(recent: pl.DataFrame) -> float:
    return probe(recent, 15)


@ht.step(resources={"cpu": 1})
def probe_large(recent: pl.DataFrame) -> float:
    return probe(recent, 31)


def choose(probe_small: float, probe_middle: float, probe_large: float) -> int:
    return min(zip((probe_small, probe_middle, probe_large), (7, 15, 31)))[1]


def weigh(
    weigh_days: np.ndarray, weigh_carriers: np.ndarray, by_hour: pl.DataFrame, weather: dict[str, float]
) -> np.ndarray:
    weights = weigh_days * weigh_carriers * (1 + by_hour["late"].std() + weather["precip"])
    return weights / weights.mean()


@ht.step(resources={"cpu": 1}, retries=1, timeout="30m")
def fit(data: ht.Dataset, choose: int, weigh: np.ndarray) -> HistGradientBoostingClassifier:
    model = HistGradientBoostingClassifier(
        max_iter=40, max_leaf_nodes=choose, categorical_features="from_dtype", early_stopping=False, random_state=0
    )
    return model.fit(data.features.tail(len(weigh)), data.label.tail(len(weigh)), sample_weight=weigh)


loop = ht.Loop(
    "late-flights",
    data=ht.table("flights.parquet", key="flight_id", time="departs_at", label="late", label_time="label_known_at"),
    pipeline=[
        recent, by_carrier, by_hour, weather, weigh_days, weigh_carriers,
        probe_small, probe_middle, probe_large, choose, weigh, fit,
    ],
    parameters={"newest": 60000, "half_life_days": 60},
)
'''


def train(folder: Path) -> None:
    """Do the training in a folder once and print what it took and gave, as JSON."""
    with open_project(folder / "loop.py") as project:
        loop = project.loop
        history = read_history(loop.table, folder=folder, task=loop.declared_task, schema=loop.schema)
        as_of = history.ends_at + timedelta(days=1)
        record = take_snapshot(project.store, loop.name, history, as_of=as_of)
        order = TrainingOrder(
            folder=str(project.store.folder),
            loop_file=str(project.loop_file),
            loop=loop.name,
            dataset=record.digest,
            as_of=as_of,
            run_id="bench",
            is_blind=True,
        )
        print("ready", flush=True)
        began = time.perf_counter()
        result = EnvironmentTrainer(project.environment).submit(order).result()
        seconds = time.perf_counter() - began
    steps = [[step.name, step.key, step.output] for step in result.steps]
    n_cached = sum(step.is_cached for step in result.steps)
    assert result.cost is not None
    print(json.dumps({"seconds": seconds, "cached": n_cached, "steps": steps, "cpu": result.cost.cpu_seconds}))


def write_project(folder: Path, flights: Path, address: str | None) -> None:
    folder.mkdir()
    (folder / "flights.parquet").hardlink_to(flights)
    (folder / "loop.py").write_text(LOOP, encoding="utf-8")
    if address is not None:
        settings = f'[tool.holdtrue]\ncompute = {{engine = "ray", address = "{address}"}}\n'
        (folder / "pyproject.toml").write_text(settings, encoding="utf-8")


def start(folder: Path, variables: dict[str, str]) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, "--in", str(folder)]
    return subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True)


def finish(folder: Path, variables: dict[str, str]) -> dict[str, object]:
    """Do the training in a fresh process and return what it printed."""
    process = start(folder, variables)
    said, _ = process.communicate()
    assert process.returncode == 0, "the training failed"
    found: dict[str, object] = json.loads(said.splitlines()[-1])
    return found


def kill_half_way(folder: Path, variables: dict[str, str]) -> int:
    """Begin the training, kill it with -9 when half of its steps are kept, and return how many were."""
    process = start(folder, variables)
    while (n_kept := count_kept(folder)) < N_STEPS // 2:
        assert process.poll() is None, "the training ended before it was killed"
        time.sleep(0.02)
    process.kill()
    process.communicate()
    return n_kept


def count_kept(folder: Path) -> int:
    database = next(iter((folder / ".holdtrue").glob("*.db")), None)
    if database is None:
        return 0
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as found:
            return int(found.execute("select count(*) from step_cache").fetchone()[0])
    except sqlite3.OperationalError:  # it is being made
        return 0


def measure(place: str, flights: Path, address: str | None, variables: dict[str, str]) -> dict[str, dict[str, object]]:
    """Return the figures of a place: cold, warm and resumed."""
    first, second = flights.parent / f"{place}-whole", flights.parent / f"{place}-killed"
    write_project(first, flights, address)
    figures = {"cold": finish(first, variables), "warm": finish(first, variables)}
    write_project(second, flights, address)
    n_kept = kill_half_way(second, variables)
    figures["resumed"] = {**finish(second, variables), "kept at the kill": n_kept}
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.folder is not None:
        train(told.folder)
        return 0
    figures: dict[str, dict[str, dict[str, object]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        flights = Path(temporary) / "flights.parquet"
        write_flights(flights)
        for place in ("here", "two machines"):
            with nullcontext() if place == "here" else TwoMachines() as cluster:
                address = None if cluster is None else cluster.address
                variables = {} if cluster is None else dict(cluster.variables)
                figures[place] = measure(place, flights, address, variables)
    return tell(figures)


def tell(figures: dict[str, dict[str, dict[str, object]]]) -> int:
    """Print the table and write the JSON; fail when an output differs."""
    whole = figures["here"]["cold"]["steps"]
    assert isinstance(whole, list)
    assert len(whole) == N_STEPS
    report = {}
    print(f"{'':<22}{'seconds':>9}{'CPU s':>8}{'cached':>9}  digests")
    for place, ways in figures.items():
        for way, found in ways.items():
            is_equal = found.pop("steps") == whole
            report[f"{place}, {way}"] = {**found, "digests are equal": is_equal}
            print(
                f"{place + ', ' + way:<22}{found['seconds']:>9.2f}{found['cpu']:>8.2f}"
                f"{found['cached']:>6}/{N_STEPS}  {'equal' if is_equal else 'DIFFERENT'}"
            )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pipeline-flights.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["digests are equal"] for row in report.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
