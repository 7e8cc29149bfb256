"""Live: the second act: the loop of the flights in a scaled clock, with a good challenger and with a bad one."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from holdtrue.clock import ScaledClock, VirtualClock
from holdtrue.domain import LoopView, Rollout, RolloutStatus
from holdtrue.loop import HoldRollout, Move
from holdtrue.project import Live, StoredView, open_project

SEPTEMBER = datetime(2013, 9, 1, 4, tzinfo=UTC)
# The champion was trained two weeks before the story begins, so that its schedule is due when it does.
TRAINED_AT = SEPTEMBER - timedelta(days=14)
LOOK_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One live run: what was rolled out, what came of it, and how many it answered; `view` is the loop at its end."""

    name: str
    rollouts: tuple[Rollout, ...]
    sentences: tuple[str, ...]
    n_exposed: int
    view: LoopView | None = None
    sent: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Stage:
    """Where a scene is played.

    Attributes:
        folder: a fresh folder for the project.
        flights: the whole table of flights.
        loop_file: the declaration to play with; it is copied into the folder.
        days_per_second: business days for each real second.
        say: prints a sentence.
        on_look: is told of business time at each look, for a progress bar.
    """

    folder: Path
    flights: Path
    loop_file: Path
    days_per_second: float
    say: Callable[[str], None]
    on_look: Callable[[datetime, Live], None] = lambda _now, _live: None

    def play(self, name: str, *, max_days: float, script: "Script", port: int = 0) -> Scene:
        """Play a scene until its script says that it is over, or for so many business days."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        shutil.copy(self.loop_file, self.folder / "loop.py")
        self.write_table(unit=1.0)
        with open_project(self.folder / "loop.py", clock=VirtualClock(TRAINED_AT)) as project:
            project.make_controller().train_now("the story begins")
        script.prepare(self)
        clock = ScaledClock(SEPTEMBER, began_unix=time.time(), speed=self.days_per_second * 86_400)
        with open_project(self.folder / "loop.py", clock=clock) as project:
            live = Live(project=project, port=port, look_seconds=LOOK_SECONDS, on_move=self._tell)
            live.start()
            child = self._start_client(live, clock, until=SEPTEMBER + timedelta(days=max_days + 3))
            try:
                self._run(live, clock, SEPTEMBER + timedelta(days=max_days), script)
            finally:
                (self.folder / "stop").touch()
                out, _ = child.communicate(timeout=60)
                live.step()
                live.controller.write_windows(clock.now())
                live.stop()
            with project.store.reading() as tx:
                rollouts = tuple(tx.rollouts.all(project.loop.name))
                sentences = tuple(entry.sentence for entry in tx.audit.all(project.loop.name))
            exposed = count_exposed(live, rollouts)
            view = StoredView(project=project).overview().loops[0]
        sent = msgspec.json.decode(out.splitlines()[-1]) if out.strip() else {}
        return Scene(name=name, rollouts=rollouts, sentences=sentences, n_exposed=exposed, view=view, sent=sent)

    def write_table(self, *, unit: float) -> None:
        """Write the owner's table as of the story's begin; `unit` divides humid (100 makes shares of percent)."""
        frame = pl.read_parquet(self.flights).filter(pl.col("departs_at") < SEPTEMBER)
        frame = frame.with_columns((pl.col("humid") / unit).alias("humid"))
        draft = self.folder / "flights.partial"
        frame.write_parquet(draft)
        draft.replace(self.folder / "flights.parquet")

    def _run(self, live: Live, clock: ScaledClock, end: datetime, script: "Script") -> None:
        while clock.now() < end and not script.is_over(live):
            began = time.monotonic()
            live.step()
            self.on_look(clock.now(), live)
            time.sleep(max(0.01, LOOK_SECONDS - (time.monotonic() - began)))

    def _start_client(self, live: Live, clock: ScaledClock, until: datetime) -> "subprocess.Popen[str]":
        assert live.workers is not None, "workers run before the client asks them"
        address = live.workers.address
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "holdtrue.demo.replay", "--flights", str(self.flights)),
                *("--loop", live.project.loop.name, "--host", address.host, "--port", str(address.port)),
                *("--start", clock.start.isoformat(), "--until", until.isoformat()),
                *("--began-unix", repr(clock.began_unix), "--speed", repr(clock.speed)),
                *("--stop-file", str(self.folder / "stop")),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )

    def _tell(self, move: Move) -> None:
        if not isinstance(move, HoldRollout):
            self.say(getattr(move, "sentence", "") or f"Training: {getattr(move, 'reason', '')}.")


@dataclass(frozen=True, kw_only=True)
class Script:
    """What happens in a scene: a healthy challenger, or one that was trained after a change of unit."""

    is_bad: bool

    def prepare(self, stage: Stage) -> None:
        """Change the table before the first look, where the challenger is to be a bad one."""
        if self.is_bad:
            stage.say("The table's owner changes humid from percent to a share; requests go on in percent.")
            stage.write_table(unit=100.0)

    def is_over(self, live: Live) -> bool:
        """Say whether the scene's rollout has ended, and the catch-up of a promoted version with it."""
        with live.project.store.reading() as tx:
            ended = [r for r in tx.rollouts.all(live.project.loop.name) if r.status is not RolloutStatus.ACTIVE]
        return bool(ended) and not live.controller.read_state().is_training


def count_exposed(live: Live, rollouts: tuple[Rollout, ...]) -> int:
    """Return how many requests the challenger of the last rollout that was aborted has answered."""
    aborted = [rollout for rollout in rollouts if rollout.status is RolloutStatus.ABORTED]
    if not aborted:
        return 0
    log = live.controller.reader.read()
    return int(((log["version"] == aborted[-1].challenger) & (log["role"] == "challenger")).sum())
