"""Fitting: the user's train, run as a cached step; what it returns is stored in a safe format before anything else."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import polars as pl

from holdtrue.data import Dataset, History
from holdtrue.domain import Loop, Signature, StepRecord, digest_of
from holdtrue.pipeline import Input, StepCache, fingerprint, run_steps
from holdtrue.registry import Scorer, StoredModel, dump_model, make_twin, name_format, recall_model
from holdtrue.store import Artifacts

from .order import Fitted

# So many rows of the training frame prove that the stored model answers as the one in memory did.
N_SAMPLE = 32


@dataclass
class Fitter:
    """Fits the loop's train on histories as known at a moment, and keeps the records of its steps.

    Attributes:
        loop: whose train is run.
        dataset: digest of the snapshot that the histories are taken from.
        cache: of the steps: the same train on the same rows is not run twice.
        artifacts: where the models go.
    """

    loop: Loop
    dataset: str
    cache: StepCache
    artifacts: Artifacts
    records: list[StepRecord] = field(default_factory=list)

    @property
    def code(self) -> str:
        """Return the transitive fingerprint of the user's train."""
        return fingerprint(self.loop.recipe)

    def fit(self, known: History, *, until: datetime) -> tuple[Fitted, Scorer]:
        """Return the model of what is known, as stored, and what scores rows with it as it was loaded again."""
        rows = known.dataset()
        signature = sign_rows(rows, known.label)
        outcome = run_steps(
            [fit_model],
            inputs={
                "rows": Input(value=rows, digest=digest_of([self.dataset, until, rows.n_rows, str(rows.time.max())])),
                "recipe": Input(value=self.loop.recipe, digest=self.code),
                "signature": Input(value=signature, digest=digest_of(signature)),
            },
            cache=self.cache,
        )
        self.records.extend(outcome.records)
        data: bytes = outcome.values["fit_model"]
        digest = self.artifacts.put(data)
        scorer = recall_model(data, name_format(data), signature)
        fitted = Fitted(format=name_format(data), artifact=digest, trained_until=until, n_rows=rows.n_rows)
        return fitted, scorer

    def refit(self, known: History) -> Scorer:
        """Return the model of what is known, trained anew past the cache and kept nowhere."""
        rows = known.dataset()
        signature = sign_rows(rows, known.label)
        data = fit_model(rows, self.loop.recipe, signature)
        return recall_model(data, name_format(data), signature)

    def give_twin(self, fitted: Fitted, scorer: Scorer, rows: Dataset) -> Fitted:
        """Return a model that is to answer people with its twin, if one agrees with it on these rows."""
        twin = make_twin(scorer, self.read_model(fitted), rows.features)
        return fitted if twin is None else replace(fitted, twin=self.artifacts.put(twin.data))

    def read_model(self, fitted: Fitted) -> StoredModel:
        """Return the bytes of a model that was fitted."""
        return StoredModel(format=fitted.format, data=self.artifacts.get(fitted.artifact))


def sign_rows(rows: Dataset, label: str) -> Signature:
    """Return what a model of these rows takes and gives."""
    return Signature(schema=rows.schema, task=rows.task, label=label, classes=rows.classes)


def fit_model(rows: Dataset, recipe: Callable[[Any], object], signature: Signature) -> bytes:
    """Run the user's train and return its model in a safe format, proved on a sample to answer as it did in memory."""
    model = recipe(rows)
    stored = dump_model(
        model, task=rows.task, n_features=rows.features.width, signature=signature, sample=sample_rows(rows)
    )
    return stored.data


def sample_rows(rows: Dataset) -> pl.DataFrame:
    """Return up to N_SAMPLE feature rows, spread evenly over the time of the dataset."""
    step = max(1, rows.n_rows // N_SAMPLE)
    return rows.features.gather_every(step).head(N_SAMPLE)
