"""How safe is a rollout? Bad challengers and equal ones on real flights, moved by the functions that move live ones.

python benchmarks/rollout/challengers.py bad --seeds 20
python benchmarks/rollout/challengers.py equal --runs 200
"""

import argparse
import json
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from holdtrue.backtest import Replay, Roster
from holdtrue.data import History, read_history, take_snapshot
from holdtrue.demo import DECLARATIONS, write_flights
from holdtrue.domain import Loop, RolloutPlan, RolloutTerms, Table, Version
from holdtrue.loop import InlineTrainer, TrainingOrder, TrainingResult, load_loop, make_policy
from holdtrue.rollout import RolloutAction
from holdtrue.store import Store
from holdtrue.testing import hold_contest

RESULTS = Path(__file__).parents[1] / "results"
FIRST_START, LAST_START = datetime(2013, 4, 1, 5, tzinfo=UTC), datetime(2013, 11, 1, 5, tzinfo=UTC)
# What the table's owner changed, while requests go on as before. In the second all values stay in their range.
DAMAGES = {
    "share": [(pl.col("humid") / 100.0).alias("humid")],
    "utc": [((pl.col(name) + 300) % 1440).alias(name) for name in ("leaves_minute", "arrives_minute")],
}


class Workshop:
    """Trains on snapshots of the flights, healthy or damaged, as a live loop would."""

    def __init__(self, folder: Path, damage: str) -> None:
        write_flights(folder / "flights.parquet")
        self.loop: Loop = load_loop(DECLARATIONS / "loop.py")
        assert isinstance(self.loop.data, Table)
        self.history = read_history(self.loop.data, folder=folder, task=self.loop.declared_task)
        self.store = Store.open(folder / ".holdtrue")
        self.trainer = InlineTrainer(loop=self.loop, store=self.store)
        self.healthy = self._keep(self.history)
        damaged = self.history.frame.with_columns(*DAMAGES[damage])
        self.damaged = self._keep(replace(self.history, frame=damaged))

    def _keep(self, history: History) -> str:
        return take_snapshot(self.store, self.loop.name, history, as_of=history.ends_at).digest

    def train(self, at: datetime, *, dataset: str, champion: Version | None = None) -> TrainingResult:
        """Train on what was known at a moment: against a champion through the gate, else blindly."""
        return self.trainer.train(
            TrainingOrder(
                folder=str(self.store.folder), loop_file=None, loop=self.loop.name, dataset=dataset, as_of=at,
                run_id="bench", champion=champion, is_blind=champion is None,
            )
        )  # fmt: skip

    def plan(self, name: str, at: datetime) -> RolloutPlan:
        """Return the plan of one of the demo's declarations at a moment."""
        return make_policy(load_loop(DECLARATIONS / f"{name}.py"), self.history.known_at(at)).plan


def try_bad(workshop: Workshop, seed: int, *, knows_skew: bool) -> dict[str, object]:
    """Roll a challenger out whose training table was damaged, with shadow and without."""
    days = int(np.random.default_rng(seed).integers(0, (LAST_START - FIRST_START).days))
    start = FIRST_START + timedelta(days=days)
    replay = Replay(workshop.history, start, start + timedelta(days=42))
    roster = Roster(replay=replay, artifacts=workshop.store.artifacts)
    before = workshop.train(start - timedelta(days=14), dataset=workshop.healthy)
    assert before.refit is not None
    champion = roster.enlist(before.refit, before, dataset=workshop.healthy, now=start)
    after = workshop.train(start, dataset=workshop.damaged, champion=champion)
    assert after.evaluation is not None
    told: dict[str, object] = {"seed": seed, "start": f"{start:%Y-%m-%d}", "gate": after.evaluation.ruling.value}
    if after.refit is None:
        return told | {"shadowed": "stopped by the gate", "n_exposed_shadowed": 0, "n_exposed_unshadowed": 0}
    challenger = roster.enlist(after.refit, after, dataset=workshop.damaged, now=start)
    n_rows = replay.find_row(start + timedelta(days=41))
    answers = [roster.answer(version.number, 0, n_rows) for version in (champion, challenger)]
    schemas = (champion.signature.schema, challenger.signature.schema) if knows_skew else None
    for name, declaration in (("shadowed", "loop"), ("unshadowed", "loop_unshadowed")):
        result = hold_contest(
            replay, champion=answers[0], challenger=answers[1], plan=workshop.plan(declaration, start),
            terms=after.evaluation.terms, loss=before.loss, start=start, salt=f"bad {seed}", max_days=40,
            schemas=schemas,
        )  # fmt: skip
        told |= {name: result.sentence, f"n_exposed_{name}": result.n_exposed, f"days_{name}": result.days}
    return told


def try_equal(workshop: Workshop, n_runs: int, seed: int) -> dict[str, object]:
    """Roll out two refits swapped by a coin, by unit in one half of the runs and by day in the other."""
    start = FIRST_START
    replay = Replay(workshop.history, start, workshop.history.ends_at)
    roster = Roster(replay=replay, artifacts=workshop.store.artifacts)
    results = [workshop.train(start - timedelta(days=back), dataset=workshop.healthy) for back in (14, 1)]
    versions = [roster.enlist(r.refit, r, dataset=workshop.healthy, now=start) for r in results if r.refit is not None]
    gated = workshop.train(start, dataset=workshop.healthy, champion=versions[0])
    assert gated.evaluation is not None
    terms: RolloutTerms = gated.evaluation.terms
    one, other = (roster.answer(version.number, 0, replay.n_rows) for version in versions)
    plan, endings = workshop.plan("loop", start), Counter[str]()
    for run in range(n_runs):
        generator = np.random.default_rng([seed, run])
        coins = generator.random(int(replay.units.max()) + 1) < 0.5
        is_by_day = run % 2 == 1
        swap = (generator.random(400) < 0.5)[replay.days - replay.days.min()] if is_by_day else coins[replay.units]
        begin = start + timedelta(days=float(generator.uniform(0, (LAST_START - FIRST_START).days)))
        result = hold_contest(
            replay, champion=np.where(swap[:, None], one, other), challenger=np.where(swap[:, None], other, one),
            plan=plan, terms=terms, loss=results[0].loss, start=begin, salt=f"equal {run}",
        )  # fmt: skip
        ending = "given up" if result.is_given_up else result.action.value
        endings[f"{ending}, swapped by {'day' if is_by_day else 'unit'}"] += 1
    aborted = sum(count for ending, count in endings.items() if ending.startswith(RolloutAction.ABORT))
    given_up = sum(count for ending, count in endings.items() if ending.startswith("given up"))
    return {"n_runs": n_runs, "falsely_aborted": aborted, "given_up": given_up, "endings": dict(endings),
            "margin": terms.margin, "design_effect": terms.design_effect}  # fmt: skip


def main() -> None:
    """Run one of the two, print a table and keep the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("bad", "equal"))
    parser.add_argument("--damage", choices=tuple(DAMAGES), default="share")
    parser.add_argument("--labels-alone", action="store_true", help="leave skew out of account")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), chosen.damage)
        found: object
        if chosen.what == "equal":
            found = try_equal(workshop, chosen.runs, chosen.seed)
            print(json.dumps(found, indent=2))
        else:
            rows = []
            for seed in range(chosen.seed, chosen.seed + chosen.seeds):
                rows.append(try_bad(workshop, seed, knows_skew=not chosen.labels_alone))
                print(json.dumps(rows[-1]), flush=True)
            exposed = [row["n_exposed_shadowed"] for row in rows]
            print(f"with shadow: {exposed.count(0)} of {len(rows)} answered nobody")
            print(f"without: exposed {sorted(int(str(row['n_exposed_unshadowed'])) for row in rows)}")
            found = rows
        RESULTS.mkdir(exist_ok=True)
        name = f"{chosen.what}-{chosen.damage}{'-labels-alone' if chosen.labels_alone else ''}"
        name = name if chosen.what == "bad" else chosen.what
        (RESULTS / f"rollout-{name}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        workshop.store.close()


if __name__ == "__main__":
    main()
