"""Fitting: the user's steps, run with a cache; the model that the last returns is kept in a safe format only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import polars as pl

from holdtrue.codebase import fingerprint, trace_code
from holdtrue.data import Dataset, History, digest_rows, print_features
from holdtrue.domain import DATA, Json, Loop, Provenance, Recipe, Signature, Step, StepRecord, digest_of
from holdtrue.pipeline import (
    Cache,
    Input,
    MemoryCache,
    Place,
    RunOutcome,
    Trail,
    run_steps,
    spread_steps,
)
from holdtrue.registry import Scorer, StoredModel, dump_model, make_twin, name_format, recall_model
from holdtrue.store import Artifacts

from .order import Fitted
from .row_code import pack_functions

# So many rows of the training frame prove that the stored model answers as the one in memory did.
N_SAMPLE = 32
SIGNATURE = "$signature"  # no argument can have this name


@dataclass
class Fitter:
    """Fits the loop's recipe on histories as known at a moment, and keeps the records of its steps.

    Attributes:
        loop: whose steps are run.
        cache: of the steps: the same code on the same rows is not run twice.
        artifacts: where the models go.
        trail: what the steps leave behind.
        place: where the steps are done; None does them here.
    """

    loop: Loop
    cache: Cache
    artifacts: Artifacts
    trail: Trail = field(default_factory=Trail)
    place: Place | None = None

    @property
    def records(self) -> list[StepRecord]:
        """Return the records of the steps so far."""
        return self.trail.records

    @cached_property
    def recipe(self) -> Recipe:
        """Return the loop's recipe."""
        return self.loop.recipe

    @cached_property
    def provenance(self) -> Provenance:
        """Return what the models are made with beside the rows."""
        traced, functions = trace_recipe(self.recipe), pack_functions(self.loop)
        features = print_features(self.loop.declared_features)
        features |= {f"feature {name}": packed.declared.code for name, packed in functions.items()}
        libraries = {library for packed in functions.values() for library in packed.libraries}
        return replace(
            traced,
            codes={**traced.codes, **features},
            libraries=tuple(sorted({*traced.libraries, *libraries})),
        )

    @property
    def codes(self) -> Mapping[str, str]:
        """Return the transitive fingerprint of each of the user's steps, by its name, and of each declared feature."""
        return self.provenance.codes

    @property
    def code(self) -> str:
        """Return the digest of the user's code: the fingerprint of train, or of all steps with parameters, features."""
        recipe = self.recipe
        is_plain = recipe.is_plain and not self.loop.features
        return self.codes[recipe.end.name] if is_plain else digest_of([self.codes, recipe.parameters])

    def fit(self, known: History, *, until: datetime) -> tuple[Fitted, Scorer]:
        """Return the model of what is known, as stored, and what scores rows with it as it was loaded again."""
        rows = known.dataset()
        signature = sign_rows(rows, known)
        outcome = self._run(rows, signature, digest=digest_rows(rows), cache=self.cache, trail=self.trail)
        data: bytes = outcome.values[self.recipe.end.name]
        artifact = self.artifacts.put(data)
        scorer = recall_model(data, name_format(data), signature)
        fitted = Fitted(format=name_format(data), artifact=artifact, trained_until=until, n_rows=rows.n_rows)
        return fitted, scorer

    def refit(self, known: History) -> Scorer:
        """Return the model of what is known, trained anew past the cache and kept nowhere."""
        rows = known.dataset()
        signature = sign_rows(rows, known)
        outcome = self._run(rows, signature, digest="", cache=MemoryCache())
        data: bytes = outcome.values[self.recipe.end.name]
        return recall_model(data, name_format(data), signature)

    def repeat(
        self, step: Step, known: History, *, given: Mapping[str, object], parameters: Mapping[str, Json]
    ) -> RunOutcome:
        """Run one of the steps with what it is given, with the rows of what is known where it takes them."""
        rows = known.dataset()
        signature = sign_rows(rows, known)
        one = next(each for each in list_steps(self.recipe, self.codes, signature) if each.name == step.name)
        inputs = {**given, **self._hold(rows, signature, digest="")}
        return run_steps([one], inputs=inputs, parameters=parameters, cache=self.cache)

    @staticmethod
    def _hold(rows: Dataset, signature: Signature, *, digest: str) -> dict[str, Input]:
        return {
            DATA: Input(value=rows, digest=digest, copy=rows.copy),
            SIGNATURE: Input(value=signature, digest=signature.meaning),
        }

    def _run(
        self, rows: Dataset, signature: Signature, *, digest: str, cache: Cache, trail: Trail | None = None
    ) -> RunOutcome:
        steps = list_steps(self.recipe, self.codes, signature)
        given, parameters = self._hold(rows, signature, digest=digest), self.recipe.parameters
        if self.place is None:
            return run_steps(steps, inputs=given, parameters=parameters, cache=cache, trail=trail)
        return spread_steps(steps, inputs=given, parameters=parameters, cache=cache, place=self.place, trail=trail)

    def give_twin(self, fitted: Fitted, scorer: Scorer, rows: Dataset) -> Fitted:
        """Return a model that is to answer people with its twin, if one agrees with it on these rows."""
        twin = make_twin(scorer, self.read_model(fitted), rows.features)
        return fitted if twin is None else replace(fitted, twin=self.artifacts.put(twin.data))

    def read_model(self, fitted: Fitted) -> StoredModel:
        """Return the bytes of a model that was fitted."""
        return StoredModel(format=fitted.format, data=self.artifacts.get(fitted.artifact))


def trace_recipe(recipe: Recipe) -> Provenance:
    """Return what the models of a recipe are made with beside the rows and the declared features."""
    traces = {step.name: trace_code(step.function) for step in recipe.steps}
    return Provenance(
        codes={name: trace.digest for name, trace in traces.items()},
        parameters=recipe.parameters,
        libraries=tuple(sorted({library for trace in traces.values() for library in trace.libraries})),
    )


def list_steps(recipe: Recipe, codes: Mapping[str, str], signature: Signature | None) -> list[Step]:
    """Return the steps with their codes; the last, where there is a signature, returns its model as stored bytes."""
    steps = [replace(step, code=codes[step.name]) for step in recipe.steps]
    return (
        steps if signature is None else [_store_model(s, signature) if s.name == recipe.end.name else s for s in steps]
    )


def _store_model(end: Step, signature: Signature) -> Step:
    """Return the last step as one that returns its model as bytes, for nothing else of it is ever kept."""
    taken = {*end.required, *end.optional}

    def store(**given: object) -> bytes:
        model = end.call({name: value for name, value in given.items() if name in taken})
        rows = given[DATA]
        assert isinstance(rows, Dataset), "the steps are given a dataset"
        return store_model(model, rows, signature)

    code = digest_of([fingerprint(store_model), end.code])
    required = tuple(dict.fromkeys((*end.required, DATA, SIGNATURE)))
    return replace(end, function=store, required=required, first=None, code=code)


def sign_rows(rows: Dataset, known: History) -> Signature:
    """Return what a model of these rows, of that history, takes and gives."""
    return Signature(
        schema=rows.schema, task=rows.task, label=known.label, classes=rows.classes, features=known.features
    )


def store_model(model: object, rows: Dataset, signature: Signature) -> bytes:
    """Return a model in a safe format, proved on a sample to answer as it does in memory."""
    stored = dump_model(
        model, task=rows.task, n_features=rows.features.width, signature=signature, sample=sample_rows(rows)
    )
    return stored.data


def sample_rows(rows: Dataset) -> pl.DataFrame:
    """Return up to N_SAMPLE feature rows, spread evenly over the time of the dataset."""
    step = max(1, rows.n_rows // N_SAMPLE)
    return rows.features.gather_every(step).head(N_SAMPLE)
