"""What do pipelines cost, survive and reuse: holdtrue beside plain Python and six other tools?

python benchmarks/pipeline/comparison.py [--full] [--only NAME ...]

Three questions to each tool, on the same plain functions:
- cost: a chain of 5 and of 100 empty steps, run a second time in a fresh process: wall and CPU seconds, children and
  the tool's server included (so a tool with a cache takes all from it);
- kill: kill -9 of all its processes in the third of five steps; what happens when it is started or told again;
- edits: ten changes that change what a step returns, made one at a time; how many came back with the old value.

Tools are installed into environments of their own at the first call; one that cannot be is left out with a word.
"""

import argparse
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from program import EDITS, write_chain, write_work
from tool import TOOLS, Bench, Tool, end, open_bench

sys.path.insert(1, str(Path(__file__).parents[1] / "judgement"))

from peers import DEFAULT_VENVS, Skipped, keep_results, name_version, prepare_peer, read_results

N_STEPS = (5, 100)
FIRST = ("s0", "s1")


def measure_cost(bench: Bench, folder: Path, *, n_times: int, time_limit: float) -> dict[str, Any]:
    """Return seconds of chains, run again in fresh processes."""
    found: dict[str, Any] = {}
    for n_steps in N_STEPS:
        place = folder / f"chain{n_steps}"
        write_chain(place, n_steps)
        try:
            done = [bench.run(place, "chain", time_limit=time_limit) for _ in range(1 + n_times)]
        except Skipped as word:
            found[f"{n_steps} steps"] = str(word)
            continue
        if any(each.result != str(n_steps - 1) for each in done):
            found[f"{n_steps} steps"] = f"fails: {_say_last(done[-1].said)}"
            continue
        found[f"{n_steps} steps"] = {
            "wall_seconds": statistics.median(each.wall_seconds for each in done[1:]),
            "cpu_seconds": statistics.median(each.cpu_seconds for each in done[1:]),
        }
    return found


def kill_and_resume(bench: Bench, folder: Path, *, time_limit: float) -> str:
    """Return what becomes of a chain of five that was killed in its third step."""
    write_chain(folder, 5, is_noted=True)
    process = bench.start(folder, "chain", "killed")
    deadline = time.monotonic() + time_limit
    while not (folder / "reached").exists():
        if time.monotonic() > deadline or process.poll() is not None:
            end(process)
            return "did not come to the third step"
        time.sleep(0.05)
    time.sleep(1)  # into the middle of the step: what ended before has had time to reach the disk
    end(process)
    (folder / "go").touch()
    told = _try_again(bench, folder, bench.tool.resume, time_limit)
    if told is None:
        return f"goes on: {bench.tool.by}"
    if bench.tool.resume == "chain":
        return told
    again = _try_again(bench, folder, "chain", time_limit)
    return f"{bench.tool.by}: {told}; run again: {again or 'goes on'}"


def _try_again(bench: Bench, folder: Path, argument: str, time_limit: float) -> str | None:
    """Return what is wrong with a second run, None when it goes on from the third step."""
    (folder / "notes").unlink(missing_ok=True)
    try:
        done = bench.run(folder, argument, time_limit=time_limit)
    except Skipped as word:
        return f"hangs ({word})"
    if done.result != "4":
        return f"refuses ({_say_last(done.said)})"
    ran = (folder / "notes").read_text(encoding="utf-8").split() if (folder / "notes").exists() else []
    return "starts anew" if any(name in ran for name in FIRST) else None


def edit_all(bench: Bench, plain: Bench, folder: Path, *, time_limit: float) -> dict[str, Any]:
    """Return which of the edits came back with the value from before."""
    write_work(folder)
    for _ in range(2):
        done = bench.run(folder, "work", "1", time_limit=time_limit)
    if done.result is None:
        return {"word": f"fails: {_say_last(done.said)}"}
    if len((folder / "count").read_text(encoding="utf-8")) != 1:
        return {"word": "nothing is taken from the cache in a second run"}
    stale, failed = [], []
    for edit in EDITS:
        parameter = str(write_work(folder, edit))
        found = bench.run(folder, "work", parameter, time_limit=time_limit)
        expected = plain.run(folder, "work", parameter, time_limit=time_limit)
        assert expected.result is not None, expected.said
        assert expected.result != done.result, expected.said
        if found.result is None:
            failed.append(edit.name)
        elif found.result != expected.result:
            stale.append(edit.name)
    return {"n_edits": len(EDITS), "n_stale": len(stale), "stale": stale, "failed": failed}


def ask_tool(tool: Tool, plain: Bench, folder: Path, venvs: Path, *, is_full: bool) -> dict[str, Any]:
    """Ask one tool all three questions."""
    python = Path(sys.executable) if tool.peer is None else prepare_peer(tool.peer, venvs)
    version = "" if tool.peer is None else name_version(tool.peer, python)
    limit = 900.0 if is_full else 100.0
    with open_bench(tool, python, folder / "home") as bench:
        found: dict[str, Any] = {"version": version}
        found["cost"] = measure_cost(bench, folder, n_times=5 if is_full else 1, time_limit=limit)
        if tool.name != plain.tool.name:
            found["kill"] = kill_and_resume(bench, folder / "kill", time_limit=limit)
            if tool.has_cache:
                found["edits"] = edit_all(bench, plain, folder / "edits", time_limit=limit)
    return found


def print_table(found: dict[str, dict[str, Any]]) -> None:
    """Print what was found, a line for each tool."""
    print(
        f"\n{'tool':<22}{'5 steps: wall, CPU s':>24}{'100 steps: wall, CPU s':>26}  {'stale':<9}after kill -9 in step 3"
    )
    for name, row in found.items():
        if "word" in row:
            print(f"{name:<22}left out: {row['word']}")
            continue
        title = f"{name} {row['version']}".strip()
        costs = [_tell_cost(row["cost"][f"{n} steps"]) for n in N_STEPS]
        edits = row.get("edits")
        stale = "no cache" if edits is None else edits.get("word", f"{edits.get('n_stale')} of {edits.get('n_edits')}")
        stale = "" if name == TOOLS[0].name else stale
        print(f"{title:<22}{costs[0]:>24}{costs[1]:>26}  {stale:<9}{row.get('kill', '')}")
        if edits is not None and edits.get("stale"):
            print(f"{'':<22}stale after: {', '.join(edits['stale'])}")


def _tell_cost(cost: Any) -> str:
    return cost[:24] if isinstance(cost, str) else f"{cost['wall_seconds']:.2f}, {cost['cpu_seconds']:.2f}"


def _say_last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:160] if lines else "no message"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--full", action="store_true", help="medians of five runs, and patience of a quarter of an hour"
    )
    parser.add_argument("--only", nargs="*", help="these tools alone; what was kept of others stays")
    parser.add_argument("--venvs", type=Path, default=DEFAULT_VENVS)
    told = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are ended then too
    kept: dict[str, Any] = dict(read_results("pipeline-peers"))
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        plain = Bench(TOOLS[0], Path(sys.executable), Path(temporary))
        for tool in TOOLS:
            if told.only and tool.name not in told.only:
                continue
            print(f"{tool.name} ...", file=sys.stderr, flush=True)
            folder = Path(temporary) / tool.name.replace(" ", "-")
            try:
                found[tool.name] = ask_tool(tool, plain, folder, told.venvs, is_full=told.full)
            except Skipped as word:
                found[tool.name] = {"word": str(word)}
            keep_results("pipeline-peers", {**kept, **found})
    print_table(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
