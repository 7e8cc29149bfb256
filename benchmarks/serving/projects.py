"""A holdtrue project with a model in charge, made by whichever tree is to be measured; its traffic can be changed.

python benchmarks/serving/projects.py FOLDER MODELS_FOLDER MODEL [--versions 2]
"""

import argparse
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from featured import TIME, read_featured
from models import MODELS, NUMBERS, Model, name_columns, name_levels

from holdtrue.domain import (
    AliasEvent,
    Column,
    Kind,
    Lineage,
    Loss,
    Release,
    RolloutPlan,
    Ruling,
    Schema,
    Signature,
    Task,
    Traffic,
    VerdictRecord,
    VerdictStage,
    Version,
    encode_canonically,
)
from holdtrue.registry import Keyring, Scorer, StoredModel, load_model, name_format, publish_release, register_version
from holdtrue.serving import write_traffic_file
from holdtrue.store import Store

N_SAMPLE = 5


def sign(model: Model) -> Signature:
    """Return what a model takes and answers."""
    columns = [
        Column(name=name, kind=Kind.NUMBER, nullable=False)
        if not model.has_texts or name in NUMBERS
        else Column(name=name, kind=Kind.TEXT, levels=name_levels(name), nullable=False)
        for name in name_columns(model)
    ]
    return Signature(schema=Schema(tuple(columns)), task=Task.BINARY, label="late", classes=(False, True))


class BenchProject:
    """A `.holdtrue` folder whose one loop has the model's name.

    Args:
        home: the project's folder; `.holdtrue` stands in it.
        models: where `models.py` wrote.
        model: which of them is served.
        has_twin: whether it gets its second form, where it has one.
    """

    def __init__(self, home: Path, models: Path, model: Model, *, has_twin: bool = True) -> None:
        self.store = Store.open(home / ".holdtrue")
        self.loop = model.name
        self._data = (models / model.file).read_bytes()
        from models import read_bodies

        self._extra: dict[str, Any] = {}
        if model.has_features:
            featured = read_featured(models / model.file)
            self._signature, rows = featured.signature, featured.rows
            self._extra |= {"time": TIME, "lookup": self.store.artifacts.put(encode_canonically(featured.lookup))}
        else:
            self._signature, rows = sign(model), read_bodies(models, model)[0]
        scorer = load_model(self._data, name_format(self._data), self._signature)
        sample = rows[:N_SAMPLE]
        answers = scorer.score_rows([tuple(row[name] for name in self._signature.schema.names) for row in sample])
        self._extra |= {"sample": tuple(sample), "sample_answers": tuple(map(tuple, answers.answers.tolist()))}
        if has_twin:
            self._extra |= self._make_twin(scorer, rows)

    @property
    def folder(self) -> Path:
        """Return the `.holdtrue` folder."""
        return self.store.folder

    def _make_twin(self, scorer: Scorer, rows: list[dict[str, object]]) -> dict[str, object]:
        """Give the model its second form, as a training does, where this holdtrue knows of any."""
        try:
            from holdtrue.registry import make_twin
        except ImportError:
            return {}
        import polars as pl

        stored = StoredModel(format=name_format(self._data), data=self._data)
        twin = make_twin(scorer, stored, pl.DataFrame(rows))
        return {} if twin is None else {"twin": self.store.artifacts.put(twin.data)}

    def release(self, data: bytes | None = None) -> int:
        """Register, judge and release the model once more, as the next version; return its number."""
        data, now = data or self._data, datetime.now(UTC)
        with self.store.transaction() as tx:
            number = tx.versions.next_number(self.loop)
            version = register_version(
                tx,
                self.store.artifacts,
                loop=self.loop,
                stored=StoredModel(format=name_format(data), data=data),
                signature=self._signature,
                lineage=Lineage(run_id=f"run-{number}", dataset="d" * 64, trained_until=now, code="c"),
                loss=Loss.for_classes(),
                metrics={},
                now=now,
            )
            verdict = f"verdict-{self.loop}-{number}"
            tx.verdicts.append(_pass(version, verdict, now))
            release = Release(
                loop=self.loop,
                version=version,
                action_rule=None,
                plan=RolloutPlan(stages=(), note="the gate alone decides"),
                verdict_ids=(verdict,),
                evaluation="e" * 64,
                created_at=now,
                key=None,
                unit=None,
                time=None,
            )
            release = replace(release, **self._extra)
            publish_release(self.store, tx, release, Keyring.open(self.folder / "keys"))
        return int(version.number)

    def send(self, champion: int, *, writes_file: bool = True, **split: Any) -> int:
        """Put a version in charge (beside a challenger, where told); return the traffic's revision.

        `writes_file` is False where `holdtrue serve` is to carry it from the database to the workers by itself.
        """
        now = datetime.now(UTC)
        with self.store.transaction() as tx:
            before = tx.traffic.read("main", self.loop)
            traffic = Traffic(
                service="main", loop=self.loop, revision=1, salt="salt", champion=champion, decided_at=now, **split
            )
            revision = tx.traffic.write(traffic, None if before is None else before.revision).revision
            if before is None or before.champion != champion:
                tx.aliases.append(
                    AliasEvent(loop=self.loop, alias="champion", version=champion, at=now, actor="bench", reason="")
                )
        if writes_file:
            write_traffic_file(self.store)
        return int(revision)


def _pass(version: Version, verdict_id: str, now: datetime) -> VerdictRecord:
    return VerdictRecord(
        verdict_id=verdict_id,
        loop=version.loop,
        stage=VerdictStage.GATE,
        challenger=version.digest,
        champion=None,
        evaluation="e" * 64,
        code="c",
        ruling=Ruling.PASSED,
        verdicts=(),
        decided_at=now,
        expires_at=now + timedelta(days=30),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--versions", type=int, default=1)
    parser.add_argument("--no-twin", action="store_true", help="serve the model itself, not its form in ONNX")
    told = parser.parse_args()
    project = BenchProject(told.folder, told.models, MODELS[told.model], has_twin=not told.no_twin)
    for _ in range(told.versions):
        project.release()
    project.send(1)
    project.store.close()


if __name__ == "__main__":
    main()
