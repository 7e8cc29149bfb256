"""One job of ours in a process of its own: our_reports.py JOB reference.parquet current.parquet kept.profile.

Jobs: keep (write the reference's profile), daily (report from memory against it), parquet (the same from the file),
both (profile both tables from memory and report), numbers (both, the columns of numbers alone).
Prints JSON: the median of three runs in seconds and in processor seconds, the fastest, the peak memory of the process.
"""

import json
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from holdtrue.data import FrameProfile, profile_files, profile_frame
from holdtrue.monitoring import DriftReport, report_drift

N_RUNS = 3


def prepare(job: str, reference: str, current: str, kept: Path) -> Callable[[], DriftReport]:
    if job in ("daily", "parquet"):
        frozen = FrameProfile.from_bytes(kept.read_bytes())
        if job == "parquet":
            return lambda: report_drift(frozen, current)
        rows = pl.read_parquet(current)
        return lambda: report_drift(frozen, rows)
    names = [name for name in pl.read_parquet_schema(current) if job == "both" or name.startswith("number")]
    before, now = (pl.read_parquet(path, columns=names) for path in (reference, current))
    return lambda: report_drift(profile_frame(before), now)


def main() -> None:
    job, reference, current, kept = sys.argv[1:]
    if job == "keep":
        Path(kept).write_bytes(profile_files(reference).to_bytes())
        print(json.dumps({"kept_bytes": Path(kept).stat().st_size}))
        return
    run, runs = prepare(job, reference, current, Path(kept)), []
    for _ in range(N_RUNS):
        start, start_busy = time.perf_counter(), time.process_time()
        report = run()
        runs.append((time.perf_counter() - start, time.process_time() - start_busy))
    assert not report.moved
    seconds, busy = (statistics.median(each) for each in zip(*runs, strict=True))
    told = Path("/proc/self/status").read_text(encoding="utf-8")
    # Not getrusage: a child inherits the peak of its parent there.
    peak = int(re.findall(r"VmHWM:\s+(\d+)", told)[0]) / 1024
    print(json.dumps({"seconds": seconds, "fastest_seconds": min(runs)[0], "busy_seconds": busy, "peak_mb": peak}))


if __name__ == "__main__":
    main()
