"""What does each piece of a worker cost? The same server with one piece off at a time, three rounds interleaved.

python benchmarks/serving/pieces.py            # about two minutes; --full: turns of ten seconds
python benchmarks/serving/pieces.py --model features --native --pieces features fast
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

from load import find_wrk
from models import CHEAP, MODELS, keep_models
from rich.console import Console
from rich.table import Table
from running import Failed, Pins, end_on_sigterm
from servers import APPS, SERVERS, Server
from standing import Ground, Standing
from venvs import DEFAULT_VENVS, keep_results
from wires import NATIVE

PIECES = {
    "": "everything on",
    "log": "without the prediction log",
    "metrics": "without metrics",
    "model": "without the model (a constant answer)",
    "features": "without computing features (those of the first row for all)",
    "fast": "without the fast path: the careful way",
    "fast+checks": "the careful way without checks of fields",
    "fast+batching": "the careful way without batching",
}
N_ROUNDS = 3
HERE = Path(__file__).parent


def take_off(server: Server, piece: str, source: Path) -> Server:
    """Return the server with a piece off, by a patch that its workers import at start."""
    path = os.pathsep.join((str(APPS / "patches"), str(source)))
    env = {"BENCH_WITHOUT": piece, "PYTHONPATH": path}
    # Without these its answers are wrong, which is meant.
    return replace(server, name=PIECES[piece], env=env, is_constant=piece in {"model", "features"})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--model", choices=MODELS, default=CHEAP.name)
    parser.add_argument("--native", action="store_true", help="ask with rows by name, not with V2 tensors")
    parser.add_argument("--pieces", nargs="*", choices=PIECES, help="what is taken off; all, if left out")
    parser.add_argument("--source", type=Path, default=HERE.parents[1] / "src", help="the tree that is measured")
    parser.add_argument("--python", default=sys.executable, help="the Python that runs it")
    parser.add_argument("--seconds", type=float, help="of one turn")
    told = parser.parse_args()
    find_wrk()
    end_on_sigterm()
    source, seconds = told.source.resolve(), {1: 1.0, 64: 2.0}
    if told.seconds or told.full:
        seconds = dict.fromkeys(seconds, told.seconds or 10.0)
    whole = next(server for server in SERVERS if server.name == "holdtrue, V2")
    whole = replace(whole, wire=NATIVE) if told.native else whole
    pieces = PIECES if told.pieces is None else ["", *told.pieces]
    if not MODELS[told.model].has_features:
        pieces = [piece for piece in pieces if piece != "features"]
    work, model = Path(tempfile.mkdtemp(prefix="holdtrue-pieces-")), MODELS[told.model]
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    try:
        ground = Ground(
            model=model,
            models=keep_models(DEFAULT_VENVS, model),
            python=told.python,
            source=source,
            venvs=DEFAULT_VENVS,
            work=work,
            pins=Pins.choose(),
        )
        measure([take_off(whole, piece, source) for piece in pieces], ground, seconds, found)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    show(found)
    keep_results("serving-pieces" if told.model == CHEAP.name else f"serving-pieces-{told.model}", found)
    return 0


def measure(servers: list[Server], ground: Ground, seconds: Mapping[int, float], found: dict[str, Any]) -> None:
    """Fill in what each server did at each level, round by round."""
    with ExitStack() as stack:
        standing = []
        for server in servers:
            try:
                one = Standing(server, ground)
            except Failed as error:
                print(f"{server.name}: {error}", file=sys.stderr)
                continue
            stack.callback(one.end)
            one.measure(16, 1)
            one.sleep()
            standing.append(one)
        for _ in range(N_ROUNDS):
            for one in standing:
                one.wake()
                for level, length in seconds.items():
                    turn = asdict(one.measure(level, length))
                    found.setdefault(one.server.name, {}).setdefault(str(level), []).append(turn)
                one.sleep()


def show(found: dict[str, Any]) -> None:
    """Print the table: medians, and the median of the rounds' differences to the whole, or to the careful way."""
    table = Table(title="One piece off at a time", title_justify="left")
    for column in ("", "connections", "requests/s", "p50 ms", "CPU us/request", "CPU us saved"):
        table.add_column(column, justify="left" if not column else "right")
    for name, levels in found.items():
        whole = found.get(PIECES["fast" if name.startswith("the careful way") else ""], levels)
        for level, turns in levels.items():
            saved = median(one["cpu_us"] - other["cpu_us"] for one, other in zip(whole[level], turns, strict=True))
            figures = [median(turn[key] for turn in turns) for key in ("requests_per_second", "p50_ms", "cpu_us")]
            table.add_row(name, level, f"{figures[0]:,.0f}", f"{figures[1]:.2f}", f"{figures[2]:,.1f}", f"{saved:,.1f}")
    Console(width=150).print(table)


if __name__ == "__main__":
    sys.exit(main())
