"""Kills: a live loop under load whose processes are killed with SIGKILL, round after round, and what that lost."""

import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import polars as pl

from holdtrue.clock import ScaledClock, VirtualClock
from holdtrue.domain import Ruling
from holdtrue.environments import Service
from holdtrue.errors import StateConflict
from holdtrue.loop import Trained
from holdtrue.project import open_project
from holdtrue.store import Store

from .client import Book, Client, merge_books
from .crew import Crew
from .inquest import Findings, count_progress, hold_inquest
from .keeper import KeeperOptions
from .world import START, drifting_rows, write_drifting_project

LOOP = "machines"
LABEL_DELAY = timedelta(hours=12)
ROLLOUT = "ht.canary([0.5, 1], shadow_days=1, min_rows=100)"
# v1 learns before the truth turns around, and the schedule of ten days is due when the loop goes live.
TRAINED_DAY, TURN_DAY, LIVE_DAY = 40, 41, 54
# Below the ports that the kernel gives to clients: one of ours that asks a dead port again and again could get that
# very port for itself, and would talk to itself.
PORTS = range(20_000, 32_000)
MOST_SECONDS_WITHOUT_WORKER = 60.0
LOOK_SECONDS = 0.5


class Victim(StrEnum):
    """What a round kills: the controller, one of the workers, or every process of the loop at once."""

    CONTROLLER = "controller"
    WORKER = "worker"
    ALL = "all"


ODDS = {Victim.CONTROLLER: 0.45, Victim.WORKER: 0.35, Victim.ALL: 0.2}


@dataclass(frozen=True, kw_only=True)
class KillPlan:
    """How a trial of kills is held.

    Attributes:
        seed: draws the rows, the victims and the pauses; when a kill falls within the loop's work is left to chance.
        n_rounds: kills, one after the other.
        pause_seconds: the shortest and the longest time between two kills.
        seconds_a_day: real seconds for a business day.
        rows_a_day: rows that clients ask for in a business day.
        n_workers: processes that answer.
        n_clients: connections that ask.
        settle_seconds: how long the loop may take after the last kill to train and to promote.
    """

    seed: int = 0
    n_rounds: int = 20
    pause_seconds: tuple[float, float] = (0.5, 9.5)
    seconds_a_day: float = 1.75
    rows_a_day: int = 500
    n_workers: int = 2
    n_clients: int = 3
    settle_seconds: float = 90.0

    @property
    def n_days(self) -> int:
        """Return for how many business days rows are needed, if all takes as long as it may."""
        seconds = self.n_rounds * self.pause_seconds[1] + self.settle_seconds + 60.0
        return LIVE_DAY + round(seconds / self.seconds_a_day)


@dataclass(frozen=True, kw_only=True)
class KillReport:
    """What a trial brought. `problems` are sentences; none of them means that nothing was lost.

    Attributes:
        seed: of the plan.
        n_rounds: kills that were ordered.
        n_controller_kills: controllers that were killed.
        n_worker_kills: workers that were killed.
        n_adopted: workers that the next controller took over.
        n_accepted: rows that were answered with 2xx.
        n_labels: labels that were accepted.
        n_requests: requests that were answered with 2xx.
        n_failed: requests that failed at the client; it sent their rows again.
        seconds: real time from the first request to the last.
        days: the same in business days.
        findings: what the records say.
        problems: what does not hold.
    """

    seed: int
    n_rounds: int
    n_controller_kills: int
    n_worker_kills: int
    n_adopted: int
    n_accepted: int
    n_labels: int
    n_requests: int
    n_failed: int
    seconds: float
    days: float
    findings: Findings
    problems: tuple[str, ...]


def hold_kills(folder: Path, plan: KillPlan, *, say: Callable[[str], None] = lambda _: None) -> KillReport:
    """Run a loop under load in a fresh folder, kill its processes as planned, and examine what is left.

    Every process that it kills is one that it started, or that such a one did. It listens on a free port of this
    machine.

    Raises:
        StateConflict: the loop does not come up.
    """
    rows, loop_file = prepare_project(folder, plan)
    start = START + timedelta(days=LIVE_DAY)
    clock = ScaledClock(start, began_unix=time.time() + 2.0, speed=86_400 / plan.seconds_a_day)
    options = KeeperOptions(loop_file=loop_file, port=find_port(plan.seed), n_workers=plan.n_workers, clock=clock)
    live = rows.filter(pl.col("at") >= start)
    clients = [
        Client(
            rows=live.gather_every(plan.n_clients, offset), clock=clock, port=options.port, loop=LOOP,
            label_delay=LABEL_DELAY,
        )
        for offset in range(plan.n_clients)
    ]  # fmt: skip
    with Crew(options=options) as crew:
        crew.start_keeper()
        crew.wait_until_started()
        trial = _Trial(plan=plan, crew=crew, clients=clients, clock=clock, say=say)
        return trial.hold()


def prepare_project(folder: Path, plan: KillPlan) -> tuple[pl.DataFrame, Path]:
    """Write the project, train its first version in business time long ago, and return all rows and the loop file."""
    rows = drifting_rows(n_days=plan.n_days, rows_a_day=plan.rows_a_day, turns_on_day=TURN_DAY, seed=plan.seed)
    known = rows.filter(pl.col("at") < START + timedelta(days=LIVE_DAY))
    # It learns from the rows that a gate judges by, so that a refit on all rows is not by chance the worse one.
    loop_file = write_drifting_project(folder, rows=known, rollout=ROLLOUT, window=8 * plan.rows_a_day)
    with open_project(loop_file, clock=VirtualClock(START + timedelta(days=TRAINED_DAY))) as project:
        first = project.make_controller().train_now("the trial begins")
    if not isinstance(first, Trained) or first.ruling is not Ruling.PASSED:
        raise StateConflict(f"the first version did not pass its checks: {first.sentence}")
    return rows, loop_file


def find_port(seed: int) -> int:
    """Return a port that nobody listens on, outside those that the kernel gives to clients."""
    for port in random.Random(seed).sample(PORTS, 200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("two hundred ports are taken")


@dataclass(kw_only=True)
class _Trial:
    """The rounds, once the loop is up."""

    plan: KillPlan
    crew: Crew
    clients: list[Client]
    clock: ScaledClock
    say: Callable[[str], None]

    def hold(self) -> KillReport:
        """Play the rounds, let the loop go on, end it, and report."""
        dice, began = random.Random(self.plan.seed), time.monotonic()
        for client in self.clients:
            client.start()
        first_kill = None
        for number in range(1, self.plan.n_rounds + 1):
            time.sleep(dice.uniform(*self.plan.pause_seconds))
            self.crew.look_after()
            victim = dice.choices(list(ODDS), list(ODDS.values()))[0]
            first_kill = first_kill or self.clock.now()
            self.say(f"Round {number}: {self._strike(victim, dice.random())}.")
        assert first_kill is not None, "there is at least one round"
        self._settle(first_kill)
        for client in self.clients:
            client.end()
        seconds = time.monotonic() - began
        self.crew.look_after()
        self.crew.stop()
        book = merge_books([client.book for client in self.clients])
        return self._report(book, seconds, hold_inquest(self.crew.folder, LOOP, book, first_kill=first_kill))

    def _strike(self, victim: Victim, lot: float) -> str:
        """Kill what the dice say; start the controller again when it was it. Return what was done."""
        if victim is Victim.WORKER:
            workers = self._wait_for_workers()
            chosen = [workers[int(lot * len(workers))]]
            return tell_dead([worker.pid for worker in chosen if self.crew.kill_worker(worker)])
        controller = self.crew.kill_controller()
        chosen = self.crew.find_workers() if victim is Victim.ALL else []
        dead = [worker.pid for worker in chosen if self.crew.kill_worker(worker)]
        self.crew.start_keeper()
        return tell_dead(dead, controller=controller)

    def _wait_for_workers(self) -> list[Service]:
        deadline = time.monotonic() + MOST_SECONDS_WITHOUT_WORKER
        while not (workers := self.crew.find_workers()):
            if time.monotonic() > deadline:
                raise StateConflict(f"no worker was there for {MOST_SECONDS_WITHOUT_WORKER:.0f} s")
            time.sleep(0.05)
        return workers

    def _settle(self, first_kill: datetime) -> None:
        """Wait until the last controller is up and the loop has gone on; that it did not is found later."""
        deadline = time.monotonic() + self.plan.settle_seconds
        with Store.open(self.crew.folder) as store:
            while time.monotonic() < deadline:
                self.crew.look_after()
                with store.reading() as tx:
                    has_gone_on = all(count_progress(tx, LOOP, since=first_kill))
                if has_gone_on and self.crew.is_up:
                    return
                time.sleep(LOOK_SECONDS)

    def _report(self, book: Book, seconds: float, findings: Findings) -> KillReport:
        problems = [*self.crew.problems, *findings.problems]
        if not findings.n_trainings_after or not findings.n_promotions_after:
            problems.append("The loop did not go on: no training, or no promotion, came after the first kill.")
        return KillReport(
            seed=self.plan.seed,
            n_rounds=self.plan.n_rounds,
            n_controller_kills=self.crew.n_controller_kills,
            n_worker_kills=self.crew.n_worker_kills,
            n_adopted=self.crew.n_adopted,
            n_accepted=len(book.accepted),
            n_labels=len(book.labelled),
            n_requests=book.n_requests,
            n_failed=book.n_failed,
            seconds=round(seconds, 1),
            days=round(seconds / self.plan.seconds_a_day, 1),
            findings=findings,
            problems=tuple(problems),
        )


def tell_dead(workers: list[int], *, controller: int | None = None) -> str:
    """Say which processes were killed."""
    dead = [] if controller is None else [f"the controller ({controller})"]
    return "killed " + (" and ".join([*dead, *(f"the worker {pid}" for pid in workers)]) or "nobody")
