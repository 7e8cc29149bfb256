"""How fast is a served model, beside other servers? In one run, three rounds interleaved; see README.md.

python benchmarks/serving/speed.py            # short form, about ten minutes
python benchmarks/serving/speed.py --full     # turns of ten seconds instead of one or two, all levels with each model
python benchmarks/serving/speed.py --models cheap --servers holdtrue constant FastAPI
"""

import argparse
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from load import find_wrk
from models import MODELS, keep_models
from picture import draw_speed
from running import Failed, Pins, end_on_sigterm
from servers import PEERS, SERVERS, Server
from speed_table import show_speed
from standing import Ground, Standing
from venvs import DEFAULT_VENVS, Skipped, keep_results, name_version

LEVELS = (1, 16, 64)
N_ROUNDS = 3
DEAR_IN_SHORT = ("holdtrue", "FastAPI", "MLServer", "Ray Serve, HAProxy")
HERE = Path(__file__).parent
Found = dict[str, Any]


def measure_model(servers: list[Server], ground: Ground, *, seconds: Mapping[int, float]) -> Found:
    """Return what each server did with a model; one that cannot be measured is skipped with the reason."""
    found: Found = {}
    skipped: dict[str, str] = {}
    with ExitStack() as stack:
        standing: list[Standing] = []
        for server in servers:
            say(f"  {server.name}: starting ...")
            try:
                one = Standing(server, ground)
            except (Skipped, Failed) as error:
                skipped[server.name] = str(error)
                say(f"  {server.name}: skipped, {error}")
                continue
            stack.callback(one.end)
            found[server.name] = {"first_answer_seconds": round(one.first_answer_seconds, 2), "rounds": []}
            with suppress(Failed):
                one.measure(16, 1)  # the first second is nobody's best
            one.sleep()
            standing.append(one)
        for number in range(1, N_ROUNDS + 1):
            for one in standing:
                say(f"  round {number}: {one.server.name}")
                turn: Found = {}  # an empty one keeps the rounds of all servers in step
                try:
                    turn = take_turn(one, seconds)
                    found[one.server.name] |= one.weigh()
                except Failed as error:
                    skipped[f"{one.server.name}, round {number}"] = str(error)
                found[one.server.name]["rounds"].append(turn)
                one.sleep()
    return {"says": ground.model.says, "servers": found, "skipped": skipped}


def take_turn(one: Standing, seconds: Mapping[int, float]) -> Found:
    """Return what one server did in one round, by level; `seconds` says how long each level is asked."""
    one.wake()
    return {str(level): asdict(one.measure(level, length)) for level, length in seconds.items()}


def choose_servers(wanted: list[str], model: str, *, is_full: bool) -> list[Server]:
    """Return the servers of a model; `wanted` are beginnings of their names, none means all, or in short some."""
    if not wanted and not is_full and model == "dear":
        wanted = list(DEAR_IN_SHORT)
    return [
        server
        for server in SERVERS
        if MODELS[model] in server.models
        and (not wanted or any(server.name.lower().startswith(name.lower()) for name in wanted))
    ]


def choose_seconds(told: argparse.Namespace, model: str) -> dict[int, float]:
    """Return how long each level is asked: in short the last of several for 2 s, those before it for 1 s."""
    levels = told.levels or (LEVELS if told.full or model == "cheap" else (16,))
    if told.full or told.seconds:
        return dict.fromkeys(levels, told.seconds or 10.0)
    return {level: 2.0 if level == levels[-1] else 1.0 for level in levels}


def tell_versions(venvs: Path) -> dict[str, str]:
    """Return the versions of the peers that are installed."""
    found = {}
    for peer in PEERS:
        python = venvs / peer.name / "bin" / "python"
        if (venvs / peer.name / ".installed").exists():
            found[peer.name] = name_version(peer, python)
    return found


def say(line: str) -> None:
    """Tell the progress."""
    print(line, file=sys.stderr, flush=True)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--models", nargs="*", default=["cheap", "strings", "dear"])
    parser.add_argument("--servers", nargs="*", default=[], help="beginnings of names; all, if left out")
    parser.add_argument("--venvs", type=Path, default=DEFAULT_VENVS)
    parser.add_argument("--source", type=Path, default=HERE.parents[1] / "src", help="the tree that is measured")
    parser.add_argument("--python", default=sys.executable, help="the Python that runs it")
    parser.add_argument("--unpinned", action="store_true", help="leave client and servers to the scheduler")
    parser.add_argument("--seconds", type=float, help="of one turn")
    parser.add_argument(
        "--levels", type=int, nargs="*", help="connections; by default 1, 16, 64 or, of dearer models, 16"
    )
    parser.add_argument("--keep", default="serving-speed", help="the name of the file of results")
    return parser.parse_args()


def main() -> int:
    told = read_options()
    find_wrk()
    end_on_sigterm()
    pins = Pins.choose(is_pinned=not told.unpinned)
    work = Path(tempfile.mkdtemp(prefix="holdtrue-bench-"))
    found: Found = {
        "machine": {"cores": f"server {pins.server}, client {pins.client}", "python": platform.python_version()},
        "versions": tell_versions(told.venvs),
        "models": {},
    }
    try:
        models = keep_models(told.venvs, *MODELS.values())
        for name in told.models:
            say(f"{name}: {MODELS[name].says}")
            # The pipeline as ONNX stands in the table of the pipeline; it has a model file of its own.
            groups = [MODELS[group] for group in (name, *(["strings-onnx"] if name == "strings" else []))]
            parts = [
                measure_model(
                    choose_servers(told.servers, model.name, is_full=told.full),
                    Ground(
                        model=model,
                        models=models,
                        python=told.python,
                        source=told.source.resolve(),
                        venvs=told.venvs,
                        work=work,
                        pins=pins,
                    ),
                    seconds=choose_seconds(told, name),
                )
                for model in groups
            ]
            found["models"][name] = merge_parts(parts)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    keep_results(told.keep, found)
    show_speed(found)
    draw_speed(found, told.keep)
    return 0


def merge_parts(parts: list[Found]) -> Found:
    """Return the servers of several model files as one table."""
    return {
        "says": parts[0]["says"],
        "servers": {name: one for part in parts for name, one in part["servers"].items()},
        "skipped": {name: why for part in parts for name, why in part["skipped"].items()},
    }


if __name__ == "__main__":
    sys.exit(main())
