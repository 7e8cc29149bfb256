"""Scene: a holdtrue project that is served by its own command, for the scripts that break things under load."""

import argparse
import itertools
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from crowd import write_request
from models import CHEAP, Model, keep_models, read_bodies
from projects import BenchProject
from running import Tree, end_on_sigterm, start_tree
from standing import find_ports
from venvs import DEFAULT_VENVS, keep_results
from wires import NATIVE, Wire

READY_SECONDS = 90.0


@dataclass
class Scene:
    """A served project.

    Attributes:
        project: its owner's side.
        port: where its workers answer.
        tree: the processes of `holdtrue serve`.
    """

    project: BenchProject
    models: Path
    model: Model
    home: Path
    port: int
    n_workers: int
    tree: Tree

    def make_requests(self, wire: Wire = NATIVE) -> Callable[[], bytes]:
        """Return what gives the 256 rows in turn, each as a whole request."""
        rows, _ = read_bodies(self.models, self.model)
        path = wire.path.format(model=self.model.name)
        made = itertools.cycle([write_request(path, wire.body(self.model, row)) for row in rows])
        return lambda: next(made)

    def find_workers(self) -> list[psutil.Process]:
        """Return the worker processes that live."""
        from holdtrue.serving.roll import read_roll

        roll = read_roll(self.project.folder / "run")
        found = []
        for worker in roll.workers if roll is not None else ():
            try:
                process = psutil.Process(worker.pid)
            except psutil.NoSuchProcess:
                continue
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found

    def read_revisions(self) -> list[int]:
        """Return the revision of the traffic by which each living worker says that it answers."""
        from holdtrue.serving.counts.status import read_statuses

        pids = {process.pid for process in self.find_workers()}
        statuses = [status for status in read_statuses(self.project.folder / "run") if status.pid in pids]
        return [status.revisions.get(self.project.loop, 0) for status in statuses if status.is_ready]

    def wait_until_ready(self, *, revision: int = 1, limit_seconds: float = READY_SECONDS) -> None:
        """Wait until every worker answers by a revision of the traffic, or a later one."""
        deadline = time.monotonic() + limit_seconds
        while True:
            found = self.read_revisions()
            if len(found) == self.n_workers and min(found) >= revision:
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"the workers are not ready after {limit_seconds:.0f} s: {self.tree.tail()}")
            time.sleep(0.02)

    def serve(self) -> None:
        """Start `holdtrue serve`, once more after its end; workers that still live are taken over."""
        self.tree = start_serving(self.home, self.port, self.n_workers)

    def reopen(self) -> BenchProject:
        """Open the project's database again, after it was closed, and return the project."""
        self.project = BenchProject(self.home, self.models, self.model)
        return self.project

    def weigh_mb(self) -> float:
        """Return the resident memory of the workers together."""
        return float(sum(process.memory_info().rss for process in self.find_workers()) / 1e6)


def start_serving(home: Path, port: int, n_workers: int) -> Tree:
    """Start the command."""
    command = [sys.executable, "-m", "holdtrue", "serve", "--folder", str(home), "--port", str(port)]
    return start_tree(
        [*command, "--workers", str(n_workers)], env={}, log=home / "serve.log", core=None, cwd=home
    )  # fmt: skip


@contextmanager
def set_scene(*, model: Model = CHEAP, n_workers: int = 2, n_versions: int = 2) -> Iterator[Scene]:
    """Make a project with versions, serve the first of them, and take all away in the end."""
    work = Path(tempfile.mkdtemp(prefix="holdtrue-scene-"))
    home, port = work / "project", find_ports(work)
    trees: list[Tree] = []
    models = keep_models(DEFAULT_VENVS, model)
    project = BenchProject(home, models, model)
    scene = None
    try:
        for _ in range(n_versions):
            project.release()
        project.send(1)
        tree = start_serving(home, port, n_workers)
        trees.append(tree)
        scene = Scene(project, models, model, home, port, n_workers, tree)
        scene.wait_until_ready()
        yield scene
    finally:
        last = scene.tree if scene is not None else trees[-1] if trees else None
        from holdtrue.serving.supervisor import find_workers

        if last is not None:
            last.end()
        for service in find_workers(project.folder).values():
            service.stop()
        (project if scene is None else scene.project).store.close()
        shutil.rmtree(work, ignore_errors=True)


def read_plan(script_says: str | None, *, counts: dict[str, tuple[float, float]]) -> argparse.Namespace:
    """Read a script's options: `--seed`, `--full`, and for each count a short and a full form.

    Args:
        script_says: the script's own description.
        counts: for each option its value in the short form and in the full one.
    """
    parser = argparse.ArgumentParser(description=script_says, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--full", action="store_true")
    for name, (short, full) in counts.items():
        parser.add_argument(f"--{name}", type=type(short), help=f"{short}; {full} with --full")
    told = parser.parse_args()
    end_on_sigterm()
    for name, (short, full) in counts.items():
        if getattr(told, name) is None:
            setattr(told, name, full if told.full else short)
    return told


def tell_end(name: str, figures: dict[str, object], broken: list[str]) -> int:
    """Print the figures and what was promised and broken, keep both, and return the exit code."""
    for what, figure in figures.items():
        print(f"{what:<60} {figure:>14}")
    print(*(f"BROKEN: {promise}" for promise in broken), sep="\n")
    keep_results(f"serving-{name}", {**figures, "broken": broken})
    return 1 if broken else 0
