"""How long does it take to hold a table to its row rules? holdtrue beside pandera and Great Expectations, in one run.

python benchmarks/judgement/rules.py --rows 1000000 --rules 100

Every peer gets a virtual environment of its own, which this script makes and keeps in --venvs. All read the same file
before the clock starts; the best of --repeats runs counts. All must find the same: `n_broken`, summed over the rules.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

N_COLUMNS = 10
PEERS = {"pandera": ["pandera[polars]"], "great_expectations": ["great_expectations", "pandas", "pyarrow"]}


def list_rules(n_rules: int) -> list[tuple[str, str | float]]:
    """Return the rules: (column, its greatest absolute value) or (column, a column that is greater)."""
    pairs = [(f"c{i % N_COLUMNS}", f"d{i // N_COLUMNS % N_COLUMNS}") for i in range(n_rules // 2)]
    return [*[(f"c{i % N_COLUMNS}", 9.0 + i) for i in range(n_rules - len(pairs))], *pairs]


def make_table(path: Path, *, n_rows: int, share: float) -> None:
    """Write normal numbers; in this share of the rows all columns c are beyond every rule."""
    import numpy as np
    import polars as pl

    dice = np.random.default_rng(0)
    columns = {f"{a}{i}": dice.normal(size=n_rows) + b for a, b in (("c", 0), ("d", 30)) for i in range(N_COLUMNS)}
    for i, is_broken in enumerate([dice.random(n_rows) < share] * N_COLUMNS):
        columns[f"c{i}"][is_broken] = 1e6
    pl.DataFrame(columns).write_parquet(path)


def prepare_holdtrue(path: Path, rules: list[tuple[str, Any]]) -> Callable[[], int]:
    import polars as pl

    import holdtrue as ht
    from holdtrue.data import check_frame

    frame = pl.read_parquet(path)
    texts = [f"{a} < {b}" if isinstance(b, str) else f"{a} >= -{b} AND {a} <= {b}" for a, b in rules]
    schema: Any = ht.schema(rules={f"rule {i}": text for i, text in enumerate(texts)})
    return lambda: sum(int(breach.split()[0].replace(",", "")) for breach in check_frame(frame, schema))


def prepare_pandera(path: Path, rules: list[tuple[str, Any]]) -> Callable[[], int]:
    import pandera.polars as pa
    import polars as pl

    frame = pl.read_parquet(path)
    ranges: dict[str, list[Any]] = {name: [] for name in frame.columns}
    pairs = []
    for a, b in rules:
        if isinstance(b, str):
            pairs.append(pa.Check(lambda data, a=a, b=b: data.lazyframe.select(pl.col(a) < pl.col(b))))
        else:
            ranges[a].append(pa.Check.in_range(-b, b))
    schema = pa.DataFrameSchema({name: pa.Column(float, asked) for name, asked in ranges.items()}, checks=pairs)

    def check() -> int:
        try:
            schema.validate(frame, lazy=True)
        except pa.errors.SchemaErrors as error:
            return int(error.failure_cases.height)
        return 0

    return check


def prepare_great_expectations(path: Path, rules: list[tuple[str, Any]]) -> Callable[[], int]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # no wait for a network
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": pd.read_parquet(path)})
    suite = gx.ExpectationSuite(name="rules")
    for a, b in rules:
        if isinstance(b, str):
            suite.add_expectation(gx.expectations.ExpectColumnPairValuesAToBeGreaterThanB(column_A=b, column_B=a))
        else:
            suite.add_expectation(gx.expectations.ExpectColumnValuesToBeBetween(column=a, min_value=-b, max_value=b))

    def check() -> int:
        found = batch.validate(suite, result_format="BASIC").results
        return sum(int(each.result["unexpected_count"]) for each in found)

    return check


PREPARE = {"holdtrue": prepare_holdtrue, "pandera": prepare_pandera, "great_expectations": prepare_great_expectations}


def measure(name: str, path: Path, *, n_rules: int, repeats: int) -> dict[str, Any]:
    """Return the best time of one of them, and how many breaches of a rule it counted."""
    check = PREPARE[name](path, list_rules(n_rules))
    spent, n_broken = [], 0
    for _ in range(repeats):
        began, began_cpu = time.perf_counter(), time.process_time()
        n_broken = check()
        spent.append((time.perf_counter() - began, time.process_time() - began_cpu))
    seconds, cpu_seconds = (round(min(each), 4) for each in zip(*spent, strict=True))
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "n_broken": n_broken}


def run_peer(name: str, path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure a peer in its own environment; what goes wrong there is its result."""
    python = Path(options.venvs) / name / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS[name]], check=True)
        sizes = [f"--rules={options.rules}", f"--repeats={options.repeats}"]
        command = [str(python), __file__, f"--one={name}", f"--table={path}", *sizes]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        return {"problem": (error.stderr or str(error)).strip().splitlines()[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers: dict[str, float] = {"rows": 1_000_000, "rules": 100, "repeats": 3, "broken-share": 0.0}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--venvs", default=str(Path(__file__).parents[1] / "venvs"))
    for name, type_ in {"one": str, "table": Path}.items():
        parser.add_argument(f"--{name}", type=type_, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.table, n_rules=options.rules, repeats=options.repeats)))
        sys.exit()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        make_table(path, n_rows=options.rows, share=options.broken_share)
        found = {"holdtrue": measure("holdtrue", path, n_rules=options.rules, repeats=options.repeats)}
        found |= {name: run_peer(name, path, options) for name in PEERS}
    sizes = {"n_rows": options.rows, "n_rules": options.rules, "broken_share": options.broken_share}
    print(json.dumps(sizes | {"results": found}, indent=2))
