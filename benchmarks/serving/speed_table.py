"""The figures of speed as tables on the screen.

python benchmarks/serving/speed_table.py            # from the kept results
"""

import sys
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table
from venvs import read_results

OURS = "holdtrue, V2"


def show_speed(found: dict[str, Any]) -> None:
    """Print a table for each model and level."""
    console = Console(width=170)
    for name, model in found["models"].items():
        levels = sorted({int(level) for one in model["servers"].values() for turn in one["rounds"] for level in turn})
        for level in levels:
            console.print(_tabulate(name, model, str(level)))
        for server, why in model["skipped"].items():
            console.print(f"{server}: skipped, {why}", markup=False)
    console.print(f"Cores: {found['machine']['cores']}.")


def _tabulate(name: str, model: dict[str, Any], level: str) -> Table:
    table = Table(title=f"{name} ({model['says']}), {level} connections", title_justify="left")
    for column in ("server", "requests/s", "p50 ms", "p99 ms", "CPU us/request", "failed"):
        table.add_column(column, justify="left" if column == "server" else "right")
    for column in (f"times slower than {OURS}", "CPU ratio", "MB PSS", "s to first answer"):
        table.add_column(column, justify="right")
    for server, one in model["servers"].items():
        turns = [turn[level] for turn in one["rounds"] if level in turn]
        if not turns:
            continue
        table.add_row(
            server,
            f"{_middle(turns, 'requests_per_second'):,.0f}",
            f"{_middle(turns, 'p50_ms'):.2f}",
            f"{_middle(turns, 'p99_ms'):.2f}",
            f"{_middle(turns, 'cpu_us'):,.0f}",
            f"{sum(turn['n_failed'] for turn in turns)}",
            *(f"{ratio:.2f}" if ratio else "" for ratio in compare(model, server, level)),
            f"{one.get('pss_mb', 0):,.0f}",
            f"{one['first_answer_seconds']:.1f}",
        )
    return table


def compare(model: dict[str, Any], server: str, level: str) -> tuple[float | None, float | None]:
    """Return how many times slower than ours a server is, and by processor time: medians of the rounds' ratios."""
    ours = model["servers"].get(OURS)
    if ours is None:
        return None, None
    pairs = [
        (mine[level], theirs[level])
        for mine, theirs in zip(ours["rounds"], model["servers"][server]["rounds"], strict=False)
        if level in mine and level in theirs
    ]
    if not pairs:
        return None, None
    slower = median(mine["requests_per_second"] / theirs["requests_per_second"] for mine, theirs in pairs)
    busier = median(theirs["cpu_us"] / mine["cpu_us"] for mine, theirs in pairs if mine["cpu_us"])
    return slower, busier


def _middle(turns: list[dict[str, Any]], name: str) -> float:
    return float(median(turn[name] for turn in turns))


if __name__ == "__main__":
    show_speed(read_results(sys.argv[1] if len(sys.argv) > 1 else "serving-speed"))
