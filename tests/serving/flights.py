"""A small project with real models, and what its owner does with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import numpy as np
import polars as pl

from holdtrue.domain import (
    ActionRule,
    AliasEvent,
    Column,
    Kind,
    LabelFact,
    Limits,
    Lineage,
    Loss,
    Prediction,
    Release,
    RolloutPlan,
    Ruling,
    Schema,
    Signature,
    Task,
    Traffic,
    VerdictRecord,
    VerdictStage,
)
from holdtrue.registry import Keyring, StoredModel, dump_model, load_model, publish_release, register_version
from holdtrue.serving import Workers, write_traffic_file
from holdtrue.serving.app import make_app
from holdtrue.serving.replica import Replica, Seat
from holdtrue.store import Store
from holdtrue.store.segments import read_segments

NOW = datetime(2013, 9, 1, 12, tzinfo=UTC)
SCHEMA = Schema(
    (
        Column(name="distance", kind=Kind.NUMBER, nullable=False),
        Column(name="hour", kind=Kind.INTEGER),
        Column(name="dest", kind=Kind.TEXT, levels=("ATL", "BOS", "SFO")),
    )
)
CLASSES = Signature(schema=SCHEMA, task=Task.BINARY, label="late", classes=(False, True))
MINUTES = Signature(schema=SCHEMA, task=Task.REGRESSION, label="delay")
NUMBERS = Schema(
    (
        Column(name="distance", kind=Kind.NUMBER, nullable=False, limits=Limits(low=0, high=20_000)),
        Column(name="wind speed", kind=Kind.NUMBER),
    )
)
DELAYS = Signature(schema=NUMBERS, task=Task.REGRESSION, label="delay")
RULE = ActionRule(actions=("warn", "wait"), worth=((-3.0, 12.0), (0.0, 0.0)), otherwise=1, unit="EUR")
ROW = {"distance": 700.0, "hour": 18, "dest": "BOS"}
JSON = {"content-type": "application/json"}


def make_frame(seed=0, n_rows=200) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "distance": rng.uniform(100, 2_500, n_rows),
            "hour": rng.integers(5, 23, n_rows),
            "dest": pl.Series(rng.choice(SCHEMA.columns[2].levels, n_rows)).cast(pl.Enum(SCHEMA.columns[2].levels)),
        }
    )


def train_forest(signature=CLASSES, seed=0) -> StoredModel:
    """Train with scikit-learn."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    frame = make_frame(seed)
    hours = frame["hour"].to_numpy()
    kind = HistGradientBoostingClassifier if signature.task.has_classes else HistGradientBoostingRegressor
    model = kind(categorical_features="from_dtype", max_iter=5, random_state=seed)
    model.fit(frame, hours > 13 + seed if signature.task.has_classes else hours * 2.0)
    return dump_model(model, task=signature.task, n_features=3, signature=signature)


def train_booster(seed=0) -> StoredModel:
    """Train with LightGBM."""
    import lightgbm

    frame = make_frame(seed).with_columns(pl.col("dest").to_physical())
    data = lightgbm.Dataset(
        frame.cast(pl.Float64).to_numpy(), label=frame["hour"].to_numpy() > 13, feature_name=list(SCHEMA.names)
    )
    options = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": seed}
    booster = lightgbm.train(options, data, num_boost_round=5 + seed)
    return dump_model(booster, task=Task.BINARY, n_features=3, signature=CLASSES)


def train_line() -> StoredModel:
    """Train a regression on numbers alone, with LightGBM."""
    import lightgbm

    numbers = np.random.default_rng(0).uniform(0, 2_500, (200, 2))
    data = lightgbm.Dataset(numbers, label=numbers[:, 0] / 100, feature_name=["distance", "wind_speed"])
    booster = lightgbm.train({"objective": "regression", "verbose": -1, "num_threads": 1}, data, num_boost_round=3)
    return dump_model(booster, task=Task.REGRESSION, n_features=2, signature=DELAYS)


@dataclass(frozen=True)
class Live:
    """A real worker, and the model that answers for the loop "flights"."""

    flights: "Flights"
    workers: Workers
    model: StoredModel

    @property
    def port(self) -> int:
        return self.workers.address.port

    def expect(self, frame: pl.DataFrame) -> np.ndarray:
        """Return the probabilities of each row."""
        return load_model(self.model.data, self.model.format, CLASSES).score(frame)


@dataclass(frozen=True)
class Flights:
    """A `.holdtrue` folder and what its owner would do with it."""

    store: Store

    @property
    def folder(self) -> Path:
        return self.store.folder

    def release(self, stored, *, loop="flights", signature=CLASSES, rule=RULE, **changes):
        """Register, judge and release a model; return its version."""
        with self.store.transaction() as tx:
            number = tx.versions.next_number(loop)
            version = register_version(
                tx,
                self.store.artifacts,
                loop=loop,
                stored=stored,
                signature=signature,
                lineage=Lineage(run_id=f"run-{number}", dataset="d" * 64, trained_until=NOW, code="c"),
                loss=Loss.for_classes(),
                metrics={},
                now=NOW,
            )
            tx.verdicts.append(pass_verdict(version))
            plan = RolloutPlan(stages=(), note="the gate alone decides")
            release = Release(
                loop=loop,
                version=version,
                action_rule=rule,
                plan=plan,
                verdict_ids=(f"verdict-{loop}-{number}",),
                evaluation="e" * 64,
                created_at=NOW,
                key="flight",
                unit="tail",
                time="departs_at",
            )
            publish_release(self.store, tx, replace(release, **changes), Keyring.open(self.store.folder / "keys"))
        return version

    def send(self, champion, *, loop="flights", clock=None, **split):
        """Set the traffic and write the file."""
        with self.store.transaction() as tx:
            before = tx.traffic.read("main", loop)
            traffic = Traffic(
                service="main", loop=loop, revision=1, salt="salt", champion=champion, decided_at=NOW, **split
            )
            tx.traffic.write(traffic, None if before is None else before.revision)
            if before is None or before.champion != champion:
                tx.aliases.append(
                    AliasEvent(loop=loop, alias="champion", version=champion, at=NOW, actor="test", reason="test")
                )
        write_traffic_file(self.store, clock=clock)

    def read_log(self, loop="flights") -> list[Prediction]:
        frames = read_segments(self.folder / "log" / loop)
        return [msgspec.json.decode(frame.payload, type=Prediction) for frame in frames]

    def read_labels(self) -> list[LabelFact]:
        return [msgspec.json.decode(frame.payload, type=LabelFact) for frame in read_segments(self.folder / "labels")]

    @asynccontextmanager
    async def serve(self, cloud=None) -> AsyncIterator[httpx.AsyncClient]:
        """Serve in this process."""
        replica = Replica(self.folder, Seat(nonce="n"))
        app = make_app(replica, cloud=cloud)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                client.replica = replica
                yield client

    def run(self, scenario, *, cloud=None):
        """Run an async scenario that takes a client."""

        async def main():
            async with self.serve(cloud) as client:
                return await scenario(client)

        return asyncio.run(main())


def pass_verdict(version) -> VerdictRecord:
    return VerdictRecord(
        verdict_id=f"verdict-{version.loop}-{version.number}",
        loop=version.loop,
        stage=VerdictStage.GATE,
        challenger=version.digest,
        champion=None,
        evaluation="e" * 64,
        code="c",
        ruling=Ruling.PASSED,
        verdicts=(),
        decided_at=NOW,
        expires_at=NOW + timedelta(days=30),
    )
