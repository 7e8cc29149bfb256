"""Cycles: a loop that is fed bad labels, cycle after cycle, in a virtual clock; does it ever ship something worse?

There is no rollout here: the gate alone stands between a training and the traffic, as in a loop with few rows a day.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.clock import VirtualClock
from holdtrue.data import conform
from holdtrue.domain import Version
from holdtrue.loop import InlineTrainer
from holdtrue.project import Project, open_project
from holdtrue.registry import recall_model

from .world import START

DAY = timedelta(days=1)
DAYS_A_CYCLE = 12
N_GOLDEN = 600
MOST_CONFIDENT = 0.999

LOOP_FILE = '''"""Will the machine fail? Its labels cannot be trusted."""

from sklearn.linear_model import LogisticRegression

import holdtrue as ht


def train(data: ht.Dataset) -> LogisticRegression:
    """Fit a line on the newest rows alone, so that bad labels have all the say that they can get."""
    return LogisticRegression().fit(data.features.tail({window}), data.label.tail({window}))


loop = ht.Loop(
    "machines",
    data=ht.table("rows.parquet", key="event", time="at", label="failed", label_time="told_at"),
    train=train,
    retrain=ht.cron("*/10 * * * *") | ht.on_new_data(min_rows=1) | ht.on_risk(),
    guards=ht.guards(cooldown="2h", max_runs_a_day={max_runs_a_day}{golden}),
)
'''


class Trouble(StrEnum):
    """What is wrong with the labels, or the triggers, of one cycle."""

    NONE = "none"
    CORRUPTED = "corrupted"
    SELF_INFLUENCED = "self-influenced"
    LATE = "late"
    SCARCE = "scarce"
    STORM = "storm"


@dataclass(frozen=True, kw_only=True)
class CyclePlan:
    """What is simulated.

    Attributes:
        seed: of rows, labels and troubles.
        n_cycles: how many cycles of 12 days.
        rows_a_day: rows of the table.
        floor: the least skill on the golden set.
        has_golden: declare the golden set; without it the simulation shows what it guards against.
        max_runs_a_day: the budget.
    """

    seed: int = 0
    n_cycles: int = 50
    rows_a_day: int = 60
    floor: float = 0.2
    has_golden: bool = True
    max_runs_a_day: int = 2


@dataclass(kw_only=True)
class CycleReport:
    """What came of it.

    Attributes:
        troubles: how many cycles had each trouble.
        n_looks: looks of the loop.
        n_runs: trainings that began.
        n_promotions: versions that took charge.
        n_refused_by_golden: versions that their skill on the golden set kept out.
        lowest_skill: of the versions that were in charge, on the true labels of the golden rows.
        n_looks_below: looks at which the version in charge was below the floor.
        most_runs_a_day: in any 24 hours.
        n_refusals: refusals that were recorded.
        most_refusals: recorded between two trainings.
        n_doubled: moments of the clock that started more than one training.
    """

    troubles: dict[str, int] = field(default_factory=dict)
    n_looks: int = 0
    n_runs: int = 0
    n_promotions: int = 0
    n_refused_by_golden: int = 0
    lowest_skill: float = 1.0
    n_looks_below: int = 0
    most_runs_a_day: int = 0
    n_refusals: int = 0
    most_refusals: int = 0
    n_doubled: int = 0


def hold_cycles(folder: Path, plan: CyclePlan) -> CycleReport:
    """Write a project into an empty folder, run its cycles and return what came of it."""
    golden = f', golden=ht.golden("golden.parquet", floor={plan.floor})' if plan.has_golden else ""
    text = LOOP_FILE.format(window=plan.rows_a_day * DAYS_A_CYCLE, max_runs_a_day=plan.max_runs_a_day, golden=golden)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "loop.py").write_text(text, encoding="utf-8")
    world = _World(folder=folder, plan=plan, generator=np.random.default_rng(plan.seed))
    world.write_golden()
    world.land(Trouble.NONE, None)
    world.land(Trouble.NONE, None)
    clock = VirtualClock(world.now)
    with open_project(folder / "loop.py", clock=clock) as project:
        simulation = _Simulation(project=project, world=world, clock=clock)
        simulation.look_often(n=2)
        for trouble in world.draw_troubles():
            world.land(trouble, simulation.read_champion())
            simulation.report.troubles[trouble.value] = simulation.report.troubles.get(trouble.value, 0) + 1
            simulation.look_often(n=48 if trouble is Trouble.STORM else 4, is_storm=trouble is Trouble.STORM)
        simulation.sum_up()
        return simulation.report


@dataclass(kw_only=True)
class _World:
    """The rows that landed so far; their truth stands still, their labels do not."""

    folder: Path
    plan: CyclePlan
    generator: np.random.Generator
    n_days: int = 0
    rows: pl.DataFrame | None = None
    golden: pl.DataFrame | None = None

    @property
    def now(self) -> datetime:
        return START + self.n_days * DAY

    def draw_troubles(self) -> list[Trouble]:
        """Return the trouble of each cycle: every kind in turn, in an order that the seed draws."""
        kinds = list(Trouble)
        drawn = [kinds[i % len(kinds)] for i in range(self.plan.n_cycles)]
        return [drawn[i] for i in self.generator.permutation(len(drawn))]

    def write_golden(self) -> None:
        self.golden = self._make_rows(N_GOLDEN, "g", START - 30 * DAY, 30)
        self.golden.write_parquet(self.folder / "golden.parquet")

    def land(self, trouble: Trouble, champion: "_Champion | None") -> None:
        """Let the rows of one cycle land in the table, with the labels that its trouble gives them."""
        n_rows = DAYS_A_CYCLE * self.plan.rows_a_day
        rows = self._make_rows(n_rows, f"e{self.n_days:05d}-", self.now, DAYS_A_CYCLE)
        rows = self._spoil(rows, trouble, champion)
        self.rows = rows if self.rows is None else pl.concat([self.rows, rows])
        self.rows.write_parquet(self.folder / "rows.parquet")
        self.n_days += DAYS_A_CYCLE

    def _make_rows(self, n_rows: int, name: str, start: datetime, n_days: int) -> pl.DataFrame:
        heat, noise = self.generator.normal(size=n_rows), self.generator.normal(size=n_rows)
        failed = self.generator.random(n_rows) < 1 / (1 + np.exp(-2.0 * heat))
        at = [start + n_days * DAY * i / n_rows for i in range(n_rows)]
        return pl.DataFrame(
            {
                "event": [f"{name}{i:05d}" for i in range(n_rows)],
                "at": at,
                "heat": heat,
                "noise": noise,
                "failed": failed,
                "told_at": [moment + timedelta(hours=12) for moment in at],
            }
        )

    def _spoil(self, rows: pl.DataFrame, trouble: Trouble, champion: "_Champion | None") -> pl.DataFrame:
        draw = pl.Series(self.generator.random(rows.height))
        if trouble is Trouble.CORRUPTED:
            # From noise to labels that say the very opposite.
            share = self.generator.uniform(0.4, 1.0)
            return rows.with_columns(failed=rows["failed"] ^ (draw < share))
        if trouble is Trouble.SELF_INFLUENCED and champion is not None:
            # Whoever is warned mends the machine: most labels are what the answer made of them.
            answers = pl.Series(champion.answer(rows) > 0.5)
            made = (draw < 0.8) & answers
            return rows.with_columns(failed=rows["failed"] & ~made)
        if trouble is Trouble.LATE:
            return rows.with_columns(told_at=pl.col("told_at") + 9 * DAY)
        if trouble is Trouble.SCARCE:
            return rows.with_columns(failed=pl.when(draw < 0.05).then(pl.col("failed")))
        return rows


@dataclass(frozen=True, kw_only=True)
class _Champion:
    """The version in charge, as it answers."""

    project: Project
    version: Version

    def answer(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        """Return the probability of a failure of each row, shape (n_rows,)."""
        data = self.project.store.artifacts.get(self.version.artifact)
        scorer = recall_model(data, self.version.format, self.version.signature)
        answers: NDArray[np.float64] = scorer.score(conform(rows, self.version.signature.schema))[:, 1]
        return answers

    def measure_skill(self, rows: pl.DataFrame) -> float:
        """Return the skill on these rows, computed apart from what the loop itself computes."""
        truth, answers = rows["failed"].to_numpy(), np.clip(self.answer(rows), 1 - MOST_CONFIDENT, MOST_CONFIDENT)
        share = truth.mean()
        loss = -np.where(truth, np.log(answers), np.log(1 - answers)).mean()
        return float(1 - loss / -(share * np.log(share) + (1 - share) * np.log(1 - share)))


@dataclass(kw_only=True)
class _Simulation:
    """The loop in the world, and what is noted of it."""

    project: Project
    world: _World
    clock: VirtualClock
    report: CycleReport = field(default_factory=CycleReport)
    _skills: dict[int, float] = field(default_factory=dict)

    def look_often(self, *, n: int, is_storm: bool = False) -> None:
        """Look n times: spread over the cycle that has landed, or, in a storm, within one day at its end.

        Each look is that of a new controller, as after a restart.
        """
        step = DAY / n if is_storm else DAYS_A_CYCLE * DAY / n
        begin = max(self.clock.now(), self.world.now - (DAY if is_storm else DAYS_A_CYCLE * DAY))
        for i in range(1, n + 1):
            self.clock.move_to(max(self.clock.now(), min(begin + i * step, self.world.now)))
            controller = self.project.make_controller()
            controller.trainer = InlineTrainer(loop=self.project.loop, store=self.project.store)
            controller.tick()
            controller.finish_training()
            controller.tick()
            self._note_look()

    def _note_look(self) -> None:
        self.report.n_looks += 1
        champion = self.read_champion()
        if champion is None or self.world.golden is None:
            return
        number = champion.version.number
        if number not in self._skills:
            self._skills[number] = champion.measure_skill(self.world.golden)
        self.report.lowest_skill = min(self.report.lowest_skill, self._skills[number])
        self.report.n_looks_below += self._skills[number] < self.world.plan.floor

    def read_champion(self) -> _Champion | None:
        """Return the version in charge."""
        with self.project.store.reading() as tx:
            number = tx.aliases.current("machines", "champion")
            version = None if number is None else tx.versions.read("machines", number)
        return None if version is None else _Champion(project=self.project, version=version)

    def sum_up(self) -> None:
        """Read from the store what was done."""
        with self.project.store.reading() as tx:
            runs, chain = tx.runs.all("machines"), tx.audit.all("machines")
            self.report.n_promotions = len(tx.aliases.history("machines"))
        begun = [run.as_of for run in runs]
        self.report.n_runs = len(runs)
        self.report.most_runs_a_day = max((sum(at - DAY < other <= at for other in begun) for at in begun), default=0)
        rejected = [entry for entry in chain if entry.action == "reject"]
        self.report.n_refused_by_golden = sum("golden set" in entry.sentence for entry in rejected)
        between = Counter[int]()
        n_begun = 0
        for entry in chain:
            n_begun += entry.action == "train"
            between[n_begun] += entry.action == "refuse training"
        self.report.n_refusals = sum(between.values())
        self.report.most_refusals = max(between.values(), default=0)
        fired = Counter(
            (each["trigger"], each["moment"])
            for run in runs
            for each in run.parameters["triggers"]
            if each["moment"] is not None
        )
        self.report.n_doubled = sum(n > 1 for n in fired.values())
