"""How fast is a profile with its drift report, beside other tools, in one run?

python benchmarks/judgement/profiles.py            # 100,000 rows
python benchmarks/judgement/profiles.py --full     # and a million, about ten minutes on two cores
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

from peers import DEFAULT_VENVS, Peer, Skipped, keep_results, name_version, prepare_peer, read_results, run_json
from rich.console import Console
from rich.table import Table
from tables import write_table

HERE = Path(__file__).parent
TIME_LIMIT = 200.0
# pandas 3 or numpy 2 break these, and pyarrow from 20 on may need numpy 2.
OLDER = ("pandas<3", "numpy<2", "pyarrow<20")
PEERS = (
    Peer("evidently", "evidently.presets", ("evidently", "pyarrow"), pins=("pandas<3",)),
    Peer("nannyml", "nannyml", ("nannyml", "pyarrow"), pins=("statsmodels", "setuptools<81")),
    Peer("whylogs", "whylogs.viz", ("whylogs[viz]",), pins=OLDER),
    Peer("deepchecks", "deepchecks.tabular", ("deepchecks",), pins=("scikit-learn<1.6", "setuptools<81", *OLDER)),
    Peer("alibi-detect", "alibi_detect.cd", ("alibi-detect",), pins=OLDER),
)
WISHED = {"evidently": 100, "whylogs": 100, "nannyml": 50, "deepchecks": 15, "alibi-detect": 15}
JOBS = {"daily": "holdtrue, current table in memory", "parquet": "holdtrue, current table in zstd Parquet"}
TARGETS = {"daily": "<= 0.3 s", "parquet": "<= 1.5 s, < 200 MB"}
MOST_ROWS = 1_000_000
Measured = dict[str, float]


@dataclass(frozen=True)
class Bench:
    """Two tables of one size on disk, and what is measured on them."""

    folder: Path
    n_rows: int

    @property
    def paths(self) -> list[str]:
        return [str(self.folder / f"{part}-{self.n_rows}.parquet") for part in ("reference", "current")]

    def write(self) -> None:
        for seed, path in enumerate(self.paths):
            write_table(Path(path), n_rows=self.n_rows, seed=seed)

    def measure_ours(self, job: str) -> Measured:
        kept = str(self.folder / f"{self.n_rows}.profile")
        return run_json([sys.executable, str(HERE / "our_reports.py"), job, *self.paths, kept], time_limit=TIME_LIMIT)

    def measure_peer(self, peer: Peer, python: Path) -> Measured:
        # On a machine that others use as well, the limit in processor seconds is reached later by the clock.
        command = [str(python), str(HERE / "peer_reports.py"), peer.name, *self.paths]
        return run_json(command, time_limit=4 * TIME_LIMIT)


def measure_size(
    bench: Bench, pythons: dict[str, Path | str | None], *, left_out: set[str], found: dict[str, Any]
) -> Iterator[None]:
    """Measure all at one size; ours before and after each peer, so that both see the same neighbours on the machine."""
    bench.write()
    found["kept"] = bench.measure_ours("keep")
    found |= {job: bench.measure_ours(job) for job in JOBS}
    yield
    for peer in PEERS:
        python = pythons[peer.name]
        if isinstance(python, str):
            found[peer.name] = {"skipped": f"skipped: {python}"}
            continue
        if python is None:  # not asked for: what an earlier run found stays
            found.setdefault(peer.name, {"skipped": "not asked for"})
            continue
        if peer.name in left_out:
            why = f"over {TIME_LIMIT:.0f} s by what a tenth of the rows took: see the ratio there"
            found[peer.name] = {"skipped": why}
            continue
        job = "numbers" if peer.name == "alibi-detect" else "both"
        try:
            ours = [bench.measure_ours(job)]
            theirs = bench.measure_peer(peer, python)
            ours.append(bench.measure_ours(job))
        except (Skipped, TimeoutExpired) as problem:
            why = f"over {4 * TIME_LIMIT:.0f} s" if isinstance(problem, TimeoutExpired) else str(problem)
            found[peer.name] = {"skipped": f"skipped: {why}"}
            continue
        # Before and after: their mean is what the machine gave while the peer ran.
        mean = {part: sum(each[part] for each in ours) / 2 for part in ("seconds", "busy_seconds")}
        found[peer.name] = theirs | {
            "version": name_version(peer, python),
            "load_average": os.getloadavg()[0],
            "ours_seconds": mean["seconds"],
            "ratio": theirs["seconds"] / mean["seconds"],
            "ours_busy_seconds": mean["busy_seconds"],
            "busy_ratio": theirs["busy_seconds"] / mean["busy_seconds"],
            "wished_ratio": WISHED[peer.name],
        }
        print(f"  {bench.n_rows:,} rows, {peer.name}: ratio {theirs['seconds'] / mean['seconds']:.0f}", file=sys.stderr)
        yield


def show(n_rows: int, found: dict[str, Any]) -> None:
    table = Table(title=f"{n_rows:,} rows x 50 columns, no drift", title_justify="left")
    table.add_column("what")
    for name in ("seconds", "busy", "peak MB", "ours", "ratio", "busy ratio", "wished"):
        table.add_column(name, justify="right")
    for job, label in JOBS.items():
        ours = found[job]
        times = f"{ours['seconds']:.3f} (best {ours['fastest_seconds']:.3f})", f"{ours['busy_seconds']:.3f}"
        table.add_row(label, *times, f"{ours['peak_mb']:.0f}", "", "", "", TARGETS[job] if n_rows == MOST_ROWS else "")
    for peer in PEERS:
        theirs, label = found[peer.name], f"{peer.name} {found[peer.name].get('version', '')}"
        if "skipped" in theirs:
            table.add_row(f"{label}: {theirs['skipped']}")
            continue
        told = [f"{theirs['seconds']:.2f}", f"{theirs['busy_seconds']:.2f}", f"{theirs['peak_mb']:.0f}"]
        told += [f"{theirs['ours_seconds']:.3f}", f"{theirs['ratio']:.0f}", f"{theirs['busy_ratio']:.0f}"]
        table.add_row(label, *told, f">= {WISHED[peer.name]}")
    Console(width=150).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="a million rows as well")
    parser.add_argument("--rows", type=int, action="append", help="a size instead of these; may be given again")
    parser.add_argument("--peers", nargs="*", help="these peers alone; none for ours alone")
    parser.add_argument("--venvs", type=Path, default=DEFAULT_VENVS, help="where the peers' environments lie")
    chosen = parser.parse_args()
    pythons: dict[str, Path | str | None] = {}
    for peer in PEERS:
        try:
            is_asked = chosen.peers is None or peer.name in chosen.peers
            pythons[peer.name] = prepare_peer(peer, chosen.venvs) if is_asked else None
        except Skipped as problem:
            pythons[peer.name] = str(problem)
    left_out: set[str] = set()
    sizes = chosen.rows or ([100_000, MOST_ROWS] if chosen.full else [100_000])
    with tempfile.TemporaryDirectory() as folder:
        for n_rows in sizes:
            name = f"judgement-profiles-{n_rows}"
            found: dict[str, Any] = read_results(name) if chosen.peers is not None else {}
            for _ in measure_size(Bench(Path(folder), n_rows), pythons, left_out=left_out, found=found):
                keep_results(name, found)  # what is measured stays, if it is stopped
            left_out = {peer.name for peer in PEERS if found[peer.name].get("busy_seconds", 0) * 10 > TIME_LIMIT}
            show(n_rows, found)


if __name__ == "__main__":
    main()
