"""Peers: other tools, each in an environment of its own, so that none of them touches ours."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_VENVS = Path.home() / ".cache" / "holdtrue-peers"
RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Peer:
    """A tool: what pip installs and what Python imports. `pins` says what a plain install lacks or has too new."""

    name: str
    module: str
    requirements: tuple[str, ...]
    pins: tuple[str, ...] = ()


class Skipped(Exception):
    """A peer cannot be measured; the message says why."""


def prepare_peer(peer: Peer, venvs: Path) -> Path:
    """Return the Python of the peer's environment, made at the first call; raises Skipped when it does not work."""
    folder = venvs / peer.name
    python, mark = folder / "bin" / "python", folder / ".installed"
    wanted = "\n".join((*peer.requirements, *peer.pins))
    if not mark.exists() or mark.read_text(encoding="utf-8") != wanted:
        print(f"  installing {peer.name} into {folder} ...", file=sys.stderr, flush=True)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], "venv")
        _run([str(python), "-m", "pip", "install", "--quiet", *peer.requirements, *peer.pins], "pip install")
        mark.write_text(wanted, encoding="utf-8")
    _run([str(python), "-c", f"import {peer.module}"], "import")
    return python


def name_version(peer: Peer, python: Path) -> str:
    """Return the installed version of a peer."""
    code = f"import importlib.metadata as m; print(m.version({peer.name!r}))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def run_json(command: list[str], *, time_limit: float) -> dict[str, Any]:
    """Return the JSON in the last line that a command prints; raises Skipped when it fails, TimeoutExpired if late."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=time_limit, check=False)
    if done.returncode:
        raise Skipped(f"fails: {_say_last(done.stderr)}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def keep_results(name: str, found: object) -> None:
    """Write what was measured into benchmarks/results."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def read_results(name: str) -> dict[str, Any]:
    """Return what was kept under a name; nothing when nothing was."""
    path = RESULTS / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skipped(f"{what} fails: {_say_last(done.stderr)}")


def _say_last(stderr: str) -> str:
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no message"
