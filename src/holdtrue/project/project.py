"""Project: a folder with a loop file and its `.holdtrue`, held open with the real parts wired together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from holdtrue.clock import Clock, RealClock, ScaledClock
from holdtrue.domain import AliasEvent, Loop, find_former
from holdtrue.environments import Environment, ProcessEnvironment
from holdtrue.errors import NotFound
from holdtrue.loop import AbortRollout, Actor, Controller, EnvironmentTrainer, Move, Promote, load_loop
from holdtrue.serving import write_traffic_file
from holdtrue.store import Store

from .lock import name_controller
from .settings import FOLDER, find_price, read_settings

CHAMPION = "champion"


@dataclass(frozen=True, kw_only=True)
class Project:
    """An open project: one loop file, its store, and what trains.

    Attributes:
        folder: the project's folder.
        loop_file: the file that declares the loop.
        loop: the declared loop.
        store: the open store.
        clock: business time.
        environment: where trainings run.
    """

    folder: Path
    loop_file: Path
    loop: Loop
    store: Store
    clock: Clock
    environment: Environment

    def make_controller(
        self, *, window: timedelta = timedelta(days=1), on_move: Callable[[Move], None] = lambda _: None
    ) -> Controller:
        """Return what moves the loop.

        Raises:
            DeclarationError: the settings cannot be read, or say no price where a guard counts money.
        """
        return Controller(
            loop=self.loop,
            folder=self.folder,
            loop_file=self.loop_file,
            store=self.store,
            clock=self.clock,
            trainer=EnvironmentTrainer(self.environment),
            # The lock of the loop lets one controller in at a time, so this name is never two workers'.
            owner=f"{name_controller(self.store.folder)}:{self.loop.name}",
            window=window,
            core_hour=find_price(self.loop, read_settings(self.folder)),
            on_move=on_move,
        )

    def promote(self, reason: str = "ordered by a person") -> str:
        """Put the challenger of the rollout under way in charge; return a sentence.

        Raises:
            NotFound: no rollout is under way.
            PromotionRefused: no passed verdict stands behind it.
        """
        with self.store.transaction() as tx:
            rollout = tx.rollouts.active(self.loop.name)
            if rollout is None:
                raise NotFound("no rollout is under way", remedy="holdtrue status shows where the loop stands")
            sentence = f"v{rollout.challenger} was promoted before its evidence was complete: {reason}."
            self._person.act(tx, Promote(rollout=rollout, sentence=sentence), self.clock.now())
        write_traffic_file(self.store, clock=self._replay_clock)
        return sentence

    def rollback(self, reason: str = "ordered by a person") -> str:
        """Stop the rollout under way, or else put the champion before back in charge; return a sentence.

        Raises:
            NotFound: there is neither a rollout nor an earlier champion.
        """
        now = self.clock.now()
        with self.store.transaction() as tx:
            rollout = tx.rollouts.active(self.loop.name)
            if rollout is not None:
                sentence = f"The rollout of v{rollout.challenger} was stopped: {reason}."
                self._person.act(tx, AbortRollout(rollout=rollout, sentence=sentence), now)
            else:
                before = find_champion_before(tx.aliases.history(self.loop.name))
                sentence = f"v{before} was put back in charge: {reason}."
                self._person.put_in_charge(tx, before, sentence, now, action="rollback")
        write_traffic_file(self.store, clock=self._replay_clock)
        return sentence

    @property
    def _person(self) -> Actor:
        return Actor(loop=self.loop.name, name="person")

    @property
    def _replay_clock(self) -> ScaledClock | None:
        return self.clock if isinstance(self.clock, ScaledClock) else None


def find_champion_before(history: list[AliasEvent]) -> int:
    """Return the champion before the present one; raises NotFound when there was none."""
    former = find_former(history)
    if former is not None:
        return former
    raise NotFound("there is no earlier champion to go back to", expected="at least two versions that were in charge")


@contextmanager
def open_project(
    loop_file: Path, *, clock: Clock | None = None, loop: Loop | None = None, n_children: int = 1
) -> Iterator[Project]:
    """Open the project of a loop file; its `.holdtrue` folder stands beside the file and is made when needed.

    `loop` is what the file declares, where it is known already; `n_children` says how much work runs at a time.

    Raises:
        SourceMissing: there is no such file.
        TrainingFailed: importing it raised.
        DeclarationError: its loop only watches predictions, and has no project.
        StoreFailed: the store cannot be opened.
    """
    loop = load_loop(loop_file) if loop is None else loop
    _ = loop.table  # a loop that only watches leaves no folder behind
    folder = loop_file.resolve().parent
    # A training in the background may take a core, not those that serving needs.
    environment = ProcessEnvironment(n_children=n_children, variables={"OMP_NUM_THREADS": "1"})
    try:
        with Store.open(folder / FOLDER) as store:
            yield Project(
                folder=folder,
                loop_file=loop_file.resolve(),
                loop=loop,
                store=store,
                clock=clock if clock is not None else RealClock(),
                environment=environment,
            )
    finally:
        environment.close()
