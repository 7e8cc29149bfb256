"""Load: wrk asks a server at a level of connections; the server's tree is measured around it."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from running import Failed, Pins, Tree

SCRIPT = Path(__file__).with_name("client.lua")
MISSING = "wrk is not here: apt-get install -y wrk (as root), or build it from its source and put it on the PATH"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One turn of one server at one level. `cpu_us` is the tree's processor time for each answered request."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    n_requests: int
    n_failed: int


def find_wrk() -> str:
    """Return where wrk is; say how to install it when it is not."""
    found = shutil.which("wrk")
    if found is None:
        raise SystemExit(MISSING)
    return found


def ask_with_wrk(tree: Tree, url: str, bodies: Path, *, n_connections: int, seconds: float, pins: Pins) -> Measured:
    """Ask for some seconds and return what came of it.

    Raises:
        Failed: wrk cannot ask, or nothing was answered.
    """
    processes = tree.find()
    before = tree.cpu_seconds(processes)
    told = run_wrk(url, bodies, n_connections=n_connections, seconds=seconds, pins=pins)
    used = tree.cpu_seconds(processes) - before
    n_right = told["n"] - told["n_refused"]
    if n_right <= 0:
        raise Failed(f"nothing was answered with 2xx at {n_connections} connections: {tree.tail()}")
    return Measured(
        requests_per_second=n_right / told["seconds"],
        p50_ms=told["p50_ms"],
        p99_ms=told["p99_ms"],
        cpu_us=used / n_right * 1e6,
        n_requests=int(told["n"]),
        n_failed=int(told["n_refused"] + told["n_broken"]),
    )


def run_wrk(url: str, bodies: Path, *, n_connections: int, seconds: float, pins: Pins) -> dict[str, float]:
    """Run wrk on one thread and return its figures. It counts whole seconds."""
    command = [
        *Pins.command(pins.client), find_wrk(), "-t1", f"-c{n_connections}", f"-d{max(1, round(seconds))}s",
        "--timeout", "30s", "-s", str(SCRIPT), url, "--", str(bodies),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise Failed(f"wrk: {(done.stderr or done.stdout).strip()[-300:]}")
    found: dict[str, float] = json.loads(lines[-1])
    return found
