"""What does the pipeline add to plain Python? Empty runs of 5 and 100 steps, each in a fresh process.

python benchmarks/pipeline/overhead.py --repetitions 7

Three ways of the same chain of functions that add one: called in plain Python, run with a new store (cold), and run
again (warm, all from the cache). Imports, opening the store (which makes its tables the first time) and the run are
told apart. The median of the repetitions counts.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"
CHAIN = """
import time
started = time.perf_counter()
{imports}
def s0(): return 0
{functions}
FUNCTIONS = [{names}]
imported = time.perf_counter()
{work}
done = time.perf_counter()
print(imported - started, opened - imported, done - opened)
"""
PLAIN = """
opened = time.perf_counter()
value = FUNCTIONS[0]()
for function in FUNCTIONS[1:]:
    value = function(value)
"""
IMPORTS = "import pathlib, sys\nfrom holdtrue.pipeline import StepCache, run_steps\nfrom holdtrue.store import Store"
PIPELINE = """
store = Store.open(pathlib.Path(sys.argv[1]))
opened = time.perf_counter()
outcome = run_steps(FUNCTIONS, inputs={}, cache=StepCache(store))
assert outcome.values[FUNCTIONS[-1].__name__] == len(FUNCTIONS) - 1
"""


def write_chain(n_steps: int, *, is_plain: bool) -> str:
    """Return a program of a chain of steps."""
    lines = [f"def s{i}(s{i - 1}): return s{i - 1} + 1" for i in range(1, n_steps)]
    names = ", ".join(f"s{i}" for i in range(n_steps))
    return CHAIN.format(
        imports="" if is_plain else IMPORTS,
        functions="\n".join(lines),
        names=names,
        work=PLAIN if is_plain else PIPELINE,
    )


def measure(program: Path, folder: Path) -> tuple[float, float, float]:
    """Return the seconds of imports, of opening the store and of the run in a fresh process."""
    done = subprocess.run([sys.executable, str(program), str(folder)], capture_output=True, text=True, check=True)
    imports, opening, work = map(float, done.stdout.split())
    return imports, opening, work


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=7)
    told = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for n_steps in (5, 100):
            for way in ("plain", "cold", "warm"):
                program = Path(temporary) / f"{way}{n_steps}.py"
                program.write_text(write_chain(n_steps, is_plain=way == "plain"), encoding="utf-8")
                took = []
                for i in range(told.repetitions):
                    folder = Path(temporary) / (f"cold{n_steps}-{i}" if way == "cold" else f"cold{n_steps}-0")
                    took.append(measure(program, folder))
                figures[f"{n_steps} steps, {way}"] = {
                    "import_ms": 1000 * statistics.median(each[0] for each in took),
                    "open_ms": 1000 * statistics.median(each[1] for each in took),
                    "run_ms": 1000 * statistics.median(each[2] for each in took),
                    "run_ms_a_step": 1000 * statistics.median(each[2] for each in took) / n_steps,
                }
    for name, row in figures.items():
        print(f"{name:<16}" + "".join(f"  {key} {value:9.3f}" for key, value in row.items()))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pipeline-overhead.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
