"""Up: the whole loop live: workers that answer, a controller that looks, and (from above) the page."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from holdtrue.clock import ScaledClock
from holdtrue.data import Upkeep
from holdtrue.domain import LogPolicy
from holdtrue.errors import HoldtrueError
from holdtrue.loop import Controller, Move
from holdtrue.serving import Front, LogKeeper, Workers, start_workers, write_policy_file, write_traffic_file

from .log import find_upkeep
from .project import Project

LOOK_SECONDS = 5.0
WINDOW_SECONDS = 15.0
T = TypeVar("T")


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
    _windows_at: float = 0.0
    _problem: str = ""
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

        Raises:
            PortTaken: another process listens on the port.
            TrainingFailed: the first training failed.
        """
        if self.controller.read_state().champion is None:
            self.controller.tick()
        else:
            nothing: tuple[Move, ...] = ()
            self._try(self.controller.tick, otherwise=nothing)
        if self.controller.read_state().champion is None:
            self.controller.finish_training()
            self.controller.tick()
        self._write_traffic()
        write_policy_file(self.project.store.folder, self.log)
        self._keeper = LogKeeper(self.project.store.folder, find_upkeep=self._find_upkeep)
        front = Front(host=self.host, port=self.port)
        self.workers = start_workers(self.project.store.folder, front=front, n_workers=self.n_workers)
        self.workers.wait_until_ready()

    @property
    def has_champion(self) -> bool:
        """Say whether a version is in charge."""
        return self.controller.read_state().champion is not None

    def step(self) -> tuple[Move, ...]:
        """Look once, and see to the workers, who go on whatever the look meets: the next one tries again."""
        nothing: tuple[Move, ...] = ()
        moves = self._try(self.controller.tick, otherwise=nothing)
        self._try(self._write_traffic, otherwise=None)
        if self.workers is not None:
            self.workers.tend()
        if self._keeper is not None:
            self._keeper.tend()
        if time.monotonic() - self._windows_at > WINDOW_SECONDS:
            self._try(lambda: self.controller.write_windows(self.project.clock.now()), otherwise=None)
            self._windows_at = time.monotonic()
        return moves

    def _try(self, work: Callable[[], T], *, otherwise: T) -> T:
        """Do a part of a look; a full disk, a source that is away or a decision of somebody else must end nobody."""
        try:
            done = work()
        except (HoldtrueError, OSError) as problem:
            if str(problem) != self._problem:
                self._problem = str(problem)
                self.on_problem(self._problem)
            return otherwise
        return done

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
        return self._try(lambda: find_upkeep(self.project, self.log), otherwise=None)

    def _write_traffic(self) -> None:
        clock = self.project.clock
        write_traffic_file(self.project.store, clock=clock if isinstance(clock, ScaledClock) else None)
