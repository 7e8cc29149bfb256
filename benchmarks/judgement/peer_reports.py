"""One drift report of one peer, by the Python of its environment: peer_reports.py NAME REFERENCE CURRENT (Parquet).

Prints JSON: seconds and processor seconds of the report alone (reading and imports are not counted), peak memory.
"""

import json
import re
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd

warnings.filterwarnings("ignore")


def report_evidently(reference: pd.DataFrame, current: pd.DataFrame) -> Callable[[], object]:
    from evidently import Report
    from evidently.presets import DataDriftPreset

    return lambda: Report([DataDriftPreset()]).run(current, reference).dict()


def report_nannyml(reference: pd.DataFrame, current: pd.DataFrame) -> Callable[[], object]:
    import nannyml

    def run() -> object:
        calculator = nannyml.UnivariateDriftCalculator(column_names=list(reference.columns))
        return calculator.fit(reference).calculate(current).to_df()

    return run


def report_whylogs(reference: pd.DataFrame, current: pd.DataFrame) -> Callable[[], object]:
    import whylogs
    from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

    def run() -> object:
        target, before = (whylogs.log(pandas=frame).view() for frame in (current, reference))
        return calculate_drift_scores(target_view=target, reference_view=before)

    return run


def report_deepchecks(reference: pd.DataFrame, current: pd.DataFrame) -> Callable[[], object]:
    from deepchecks.tabular import Dataset
    from deepchecks.tabular.checks import FeatureDrift

    texts = [name for name in reference.columns if name.startswith("text")]

    def run() -> object:
        before, now = (Dataset(frame, cat_features=texts) for frame in (reference, current))
        # By default it looks at 100,000 rows only.
        return FeatureDrift(n_samples=len(reference), n_top_columns=reference.shape[1]).run(before, now).value

    return run


def report_alibi(reference: pd.DataFrame, current: pd.DataFrame) -> Callable[[], object]:
    from alibi_detect.cd import KSDrift

    numbers = [name for name in reference.columns if name.startswith("number")]
    # It knows no missing values and no texts.
    before, now = (frame[numbers].fillna(reference[numbers].mean()).to_numpy() for frame in (reference, current))
    return lambda: KSDrift(before, p_val=0.05).predict(now)


REPORTS: dict[str, Callable[[pd.DataFrame, pd.DataFrame], Callable[[], object]]] = {
    "evidently": report_evidently,
    "nannyml": report_nannyml,
    "whylogs": report_whylogs,
    "deepchecks": report_deepchecks,
    "alibi-detect": report_alibi,
}


def main() -> None:
    name, reference, current = sys.argv[1:]
    run = REPORTS[name](pd.read_parquet(reference), pd.read_parquet(current))
    start, start_busy = time.perf_counter(), time.process_time()
    assert run() is not None
    seconds, busy = time.perf_counter() - start, time.process_time() - start_busy
    peak = int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))[0]) / 1024
    print(json.dumps({"seconds": seconds, "busy_seconds": busy, "peak_mb": peak}))


if __name__ == "__main__":
    main()
