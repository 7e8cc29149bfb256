"""Up: the whole loop live: workers that answer, a controller that looks, and (from above) the page."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from holdtrue.clock import ScaledClock
from holdtrue.data import Upkeep
from holdtrue.domain import LogPolicy
from holdtrue.errors import HoldtrueError, SourceMissing
from holdtrue.loop import Controller, Move
from holdtrue.serving import Front, LogKeeper, Workers, start_workers, write_policy_file, write_traffic_file

from .lock import hold_control, serving_lock
from .log import find_upkeep
from .project import Project

LOOK_SECONDS = 5.0
WINDOW_SECONDS = 15.0
T = TypeVar("T")


@contextmanager
def hold_up(project: Project) -> Iterator[None]:
    """Hold what a live loop needs for itself: the control of the loop, and the workers of its folder.

    Raises:
        ProjectBusy: another living process holds one of them; its process id is named.
    """
    folder = project.store.folder
    with hold_control(project.store, loop=project.loop.name), serving_lock(folder):
        yield


@dataclass(kw_only=True)
class Live:
    """A live loop. `step` looks once; `run` does so until it is told to stop.

    Attributes:
        project: the open project.
        host: where workers listen.
        port: the port that they share.
        n_workers: how many processes answer.
        look_seconds: real seconds between two looks.
        window: length of a quality window, business time.
        log: how the prediction log is kept.
        on_move: is told of each move.
        on_problem: is told in a sentence what a look met that it could not do, once for the same thing.
        is_waiting: no version is in charge, and the table of the first training is not there: a later look finds it.
    """

    project: Project
    host: str = "127.0.0.1"
    port: int = 8080
    n_workers: int = 1
    look_seconds: float = LOOK_SECONDS
    window: timedelta = timedelta(days=1)
    log: LogPolicy = field(default_factory=LogPolicy)
    on_move: Callable[[Move], None] = lambda _: None
    on_problem: Callable[[str], None] = lambda _: None
    workers: Workers | None = None
    is_waiting: bool = False
    _windows_at: float = 0.0
    _problems: dict[str, str] = field(default_factory=dict)
    _controller: Controller | None = None
    _keeper: LogKeeper | None = None

    @property
    def controller(self) -> Controller:
        """Return what moves the loop."""
        if self._controller is None:
            self._controller = self.project.make_controller(window=self.window, on_move=self.on_move)
        return self._controller

    def start(self) -> None:
        """Train the first version when there is none, then bring the workers up; living ones are adopted.

        A version in charge needs no table to be served. Where there is none and the table is not there, workers come up
        all the same and are not ready: the first look that finds it trains.

        Raises:
            PortTaken: another process listens on the port.
            TrainingFailed: the first training failed.
            SourceError: the table of the first training is there and cannot be used.
        """
        if self.has_champion:
            self._look()
        else:
            self._train_first()
        self._write_traffic()
        write_policy_file(self.project.store.folder, self.log)
        self._keeper = LogKeeper(self.project.store.folder, find_upkeep=self._find_upkeep)
        front = Front(host=self.host, port=self.port)
        self.workers = start_workers(self.project.store.folder, front=front, n_workers=self.n_workers)
        if not self.is_waiting:
            self.workers.wait_until_ready()

    def _train_first(self) -> None:
        try:
            self.controller.tick()
        except SourceMissing as problem:
            self.is_waiting = True
            self._tell("look", str(problem))
            return
        if not self.has_champion:
            self.controller.finish_training()
            self.controller.tick()

    @property
    def has_champion(self) -> bool:
        """Say whether a version is in charge."""
        return self.controller.read_state().champion is not None

    def step(self) -> tuple[Move, ...]:
        """Look once, and see to the workers, who go on whatever the look meets: the next one tries again."""
        moves = self._look()
        self._try("traffic", self._write_traffic, otherwise=None)
        if self.workers is not None:
            self.workers.tend()
        if self._keeper is not None:
            self._keeper.tend()
        if time.monotonic() - self._windows_at > WINDOW_SECONDS:
            self._try("windows", lambda: self.controller.write_windows(self.project.clock.now()), otherwise=None)
            self._windows_at = time.monotonic()
        return moves

    def _look(self) -> tuple[Move, ...]:
        nothing: tuple[Move, ...] = ()
        moves = self._try("look", self.controller.tick, otherwise=nothing)
        problem = self.controller.table_problem
        self._tell("table", f"The table cannot be used, so nothing is trained: {problem}" if problem else "")
        return moves

    def _try(self, part: str, work: Callable[[], T], *, otherwise: T) -> T:
        """Do a part of a look; a full disk, a source that is away or a decision of somebody else must end nobody."""
        try:
            done = work()
        except (HoldtrueError, OSError) as problem:
            self._tell(part, str(problem))
            return otherwise
        self._tell(part, "")
        return done

    def _tell(self, part: str, problem: str) -> None:
        """Tell what a part met, unless it met the same at its last look; figures may differ, such as an age."""
        told = re.sub(r"[\d.,]+", "", problem)
        if told and told != self._problems.get(part):
            self.on_problem(problem)
        self._problems[part] = told

    def run(self, is_done: Callable[[], bool]) -> None:
        """Look again and again until `is_done` says so."""
        while not is_done():
            began = time.monotonic()
            self.step()
            while not is_done() and time.monotonic() - began < self.look_seconds:
                time.sleep(min(0.05, self.look_seconds))

    def stop(self) -> None:
        """Let the workers answer what they accepted, and end them."""
        if self._keeper is not None:
            self._keeper.stop()
        if self.workers is not None:
            self.workers.stop()

    def _find_upkeep(self) -> Upkeep | None:
        return self._try("log", lambda: find_upkeep(self.project, self.log), otherwise=None)

    def _write_traffic(self) -> None:
        clock = self.project.clock
        write_traffic_file(self.project.store, clock=clock if isinstance(clock, ScaledClock) else None)
