"""Loaded: versions in memory, checked before they may answer anyone."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import (
    NO_LOOKUP,
    Ask,
    Assignment,
    Column,
    FallbackCause,
    Kind,
    ModelFormat,
    Prediction,
    Release,
    Role,
    Substitute,
    Traffic,
    assign,
    make_substitute,
)
from holdtrue.errors import TrainingFailed
from holdtrue.registry import Keyring, Scorer, load_functions, load_model, open_release
from holdtrue.serving.answer.batcher import Values
from holdtrue.serving.answer.computer import Computer
from holdtrue.serving.answer.function_computer import FunctionComputer
from holdtrue.serving.answer.lean import hide_optional
from holdtrue.serving.answer.pace import HELD_ROWS, HELD_SECONDS, Pace
from holdtrue.serving.answer.shelf import FollowedLookup, Shelf
from holdtrue.serving.lookup_file import decode_lookup
from holdtrue.serving.request.place import Place, RowPlace
from holdtrue.serving.request.row import EventNames, Row, RowReader
from holdtrue.serving.traffic_file import ReleasePointer
from holdtrue.store import Artifacts

_TOLERANCE = 1e-5
_N_TIMED = 3


@dataclass(frozen=True, eq=False)
class LoadedVersion:
    """A version that can answer: its release and the model in memory.

    Attributes:
        reader: reads what a request carries.
        pace: how long its calls take.
        shelf: what its features of the past are worth.
        functions: those of the project that compute features, by what tells their code from that of others.
    """

    release: Release
    scorer: Scorer
    reader: RowReader
    pace: Pace = field(default_factory=Pace)
    shelf: Shelf = field(default_factory=Shelf)
    functions: Mapping[str, Ask] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Return the version's number."""
        return self.release.version.number

    @property
    def is_fast(self) -> bool:
        """Say whether the event loop may wait for the model; for functions of the project it may not."""
        return self.pace.is_fast and self.function_computer is None

    @cached_property
    def schema_digest(self) -> str:
        """Return the digest of the schema that rows are read by."""
        return self.release.version.signature.schema.digest

    @cached_property
    def substitute(self) -> Substitute | None:
        """Return what answers without a model where this version does not; None where nothing is declared that does."""
        fallback = self.release.fallback
        return None if fallback is None else make_substitute(fallback, self.release.version.signature)

    @cached_property
    def references(self) -> list[list[object]]:
        """Return the rows of the release's sample as the model takes them: in it computed columns stand too."""
        reader = RowReader(replace(self.release.version.signature, features=()))
        return [reader.read(row, RowPlace(i), known=frozenset()).values for i, row in enumerate(self.release.sample)]

    @cached_property
    def computer(self) -> Computer | None:
        """Return what computes the features of a row; None where there are none, or functions among them."""
        signature = self.release.version.signature
        return Computer(signature) if signature.features and not signature.functions else None

    @cached_property
    def function_computer(self) -> FunctionComputer | None:
        """Return what computes the features of a row where functions are among them."""
        signature = self.release.version.signature
        return FunctionComputer(signature, self.functions) if signature.functions else None

    def read(self, record: Mapping[str, object], place: Place, *, known: frozenset[str], time: float) -> Row:
        """Read a record for `answer`: checked by the signature, then with its computed columns.

        `known` are the other names that it may carry; `time` is when the prediction is made, Unix seconds UTC.
        """
        return self.complete(self.reader.read(record, place, known=known), time=time)

    def complete(self, row: Row, *, time: float) -> Row:
        """Return a row with its computed columns, but for those that wait for functions."""
        if self.function_computer is not None:
            return self.function_computer.open(row, time=time, lookup=self.shelf.take())
        if self.computer is None:
            return row
        return self.computer.fill(row, time=time, lookup=self.shelf.take())

    def read_logged(self, prediction: Prediction) -> Row:
        """Read a row of the log as the model took it then."""
        record = prediction.features
        row = self.reader.read(record, RowPlace(0), known=frozenset(record))
        if self.function_computer is not None:
            opened = self.function_computer.open(row, time=prediction.time, lookup=self.shelf.take(), told=record)
            return replace(opened, values=list(self.finish(opened.values)))
        if self.computer is None:
            return row
        return self.computer.fill(row, time=prediction.time, lookup=self.shelf.take(), told=record)

    def has_fallback(self, cause: FallbackCause) -> bool:
        """Say whether its release declares a fallback for a cause."""
        return self.release.fallback is not None and cause in self.release.fallback.on

    @cached_property
    def names(self) -> EventNames:
        """Return the names under which requests carry the event."""
        return EventNames(key=self.release.key, unit=self.release.unit, time=self.release.time)

    def finish(self, values: Values) -> Values:
        """Return the values of a row as the model takes them, in the schema's order, of those that `read` returned.

        Raises:
            RowFunctionFailed: a function of the project fails on it.
        """
        return values if self.function_computer is None else self.function_computer.finish(values)

    def answer(self, rows: Sequence[Values]) -> NDArray[np.float64]:
        """Answer rows as `read` returned them."""
        return self.score(rows if self.function_computer is None else [self.finish(row) for row in rows])

    def score(self, rows: Sequence[Values]) -> NDArray[np.float64]:
        """Answer plain rows in the schema's order."""
        started = time.perf_counter()
        answers = self.scorer.score_rows(rows).answers
        self.pace.note(time.perf_counter() - started, n_rows=len(rows))
        return answers


@dataclass(frozen=True, eq=False)
class ServedLoop:
    """What one loop serves at this moment. A request takes it once and keeps it, so that a swap drops nothing.

    `forced` is the version that a test asked for by name, see `force`.
    """

    traffic: Traffic
    versions: Mapping[int, LoadedVersion]
    forced: LoadedVersion | None = None
    last_good: LoadedVersion | None = None

    @property
    def champion(self) -> LoadedVersion:
        """Return the version in charge."""
        return self.versions[self.traffic.champion]

    @property
    def asked(self) -> LoadedVersion:
        """Return the version by which a request is read before any row is assigned: the forced one, or the champion."""
        return self.forced or self.champion

    def force(self, version: LoadedVersion) -> "ServedLoop":
        """Return the loop as it answers a test: by one of its versions, whatever the traffic says."""
        return replace(self, forced=version)

    def assign(self, unit: str) -> Assignment:
        """Assign a unit to a version. To a forced one it comes without any chance, and no shadow is asked."""
        if self.forced is not None:
            return Assignment(self.forced.number, Role.FORCED, 1.0)
        return assign(self.traffic, unit)

    @cached_property
    def known_names(self) -> frozenset[str]:
        """Return all names that a record may carry."""
        names = set(self.champion.names.declared)
        for number in self.traffic.shares:
            names.update(self.versions[number].release.version.signature.given.names)
        return frozenset(names)


def load_version(
    pointer: ReleasePointer, *, folder: Path, is_lean: bool = False, followed: FollowedLookup | None = None
) -> LoadedVersion:
    """Load a version from the artifacts of a `.holdtrue` folder, and test it with its release's own sample.

    `is_lean` is for a process that only serves: see `hide_optional`. `followed` is the lookup file of its loop, to
    share it with other versions.

    Raises:
        NotFound: an artifact is missing.
        StoreFailed: an artifact's bytes, or the release's signature, are not what they should be.
        FormatRefused: the model is in no safe form, or the functions that compute its features may not be run here.
        TrainingFailed: the model does not answer its sample as it did when it was released.
    """
    artifacts, keyring = Artifacts(folder / "artifacts"), Keyring.open(folder / "keys")
    document = artifacts.get(pointer.artifact)
    release = open_release(document, pointer.signature, keyring)
    functions: Mapping[str, Ask] = {}
    if release.version.signature.functions:
        is_own = keyring.has_signed(document, pointer.signature)
        functions = load_functions(release.version.signature, artifacts, is_own=is_own)
    followed = followed or FollowedLookup(folder, release.loop)
    return load_released(release, artifacts, functions, is_lean=is_lean, followed=followed)


def load_released(
    release: Release,
    artifacts: Artifacts,
    functions: Mapping[str, Ask],
    *,
    is_lean: bool = False,
    followed: FollowedLookup | None = None,
) -> LoadedVersion:
    """Load what answers for a release whose signature was checked: its twin where it has one, else the model itself.

    `functions` are those that compute its features, see `load_functions`. `followed` is the lookup file of its loop,
    read here; without it the version answers by what it came with. See `load_version`.
    """
    version = release.version
    shipped = NO_LOOKUP if release.lookup is None else decode_lookup(artifacts.get(release.lookup))
    takes_past = any(feature.past is not None for feature in version.signature.features)
    shelf = Shelf(shipped, followed=followed if takes_past else None)
    load = partial(_load, release, is_lean=is_lean, shelf=shelf, functions=functions)
    if shelf.followed is not None and shelf.followed.has_changed():
        shelf.followed.read()
    if release.twin is not None:
        # Whatever keeps a twin from loading or agreeing here, the model itself answers.
        with suppress(Exception):
            return load(artifacts.get(release.twin), ModelFormat.ONNX)
    return load(artifacts.get(version.artifact), version.format)


def _load(
    release: Release,
    data: bytes,
    model_format: ModelFormat,
    *,
    is_lean: bool,
    shelf: Shelf,
    functions: Mapping[str, Ask],
) -> LoadedVersion:
    with hide_optional(model_format) if is_lean else nullcontext():
        signature = release.version.signature
        model = load_model(data, model_format, signature)
        loaded = LoadedVersion(release, model, RowReader(signature), shelf=shelf, functions=functions)
        _ = loaded.computer, loaded.function_computer
        _ = loaded.substitute  # one that cannot be asked is found now, and not with the first failure
        pace = _warm_up(loaded)
        _check_sample(loaded)
    return replace(loaded, pace=pace)


def settle_traffic(traffic: Traffic, versions: Mapping[int, LoadedVersion]) -> Traffic:
    """Return the traffic as it can be served: a challenger that is not loaded answers nobody."""
    if traffic.challenger is None or traffic.challenger in versions:
        return traffic
    return replace(traffic, challenger=None, challenger_share=0.0, is_shadowed=False)


def _warm_up(loaded: LoadedVersion) -> Pace:
    """Answer a row some times, so that what a model sets up with its first answer costs no client; return the pace.

    The row is the first of the release's sample, else a made-up one, which the model may rightly refuse.
    """
    signature, sample = loaded.release.version.signature, loaded.release.sample
    row: Sequence[object] = [_make_up(column) for column in signature.schema.columns]
    if sample:
        row = loaded.references[0]
    pace = Pace()
    with suppress(Exception):
        pace.call_seconds = _time_calls(loaded, [row])
        if loaded.scorer.holds_interpreter and pace.call_seconds < HELD_SECONDS:
            pace.held_seconds = _time_calls(loaded, [row] * HELD_ROWS)
    return pace


def _time_calls(loaded: LoadedVersion, rows: Sequence[Values]) -> float:
    """Return the least seconds of a few calls."""
    seconds = math.inf
    for _ in range(1 + _N_TIMED):
        started = time.perf_counter()
        loaded.score(rows)
        seconds = min(seconds, time.perf_counter() - started)
    return seconds


def _make_up(column: Column) -> object:
    if column.kind is Kind.TEXT:
        return column.levels[0] if column.levels else None
    if column.kind is Kind.BOOLEAN:
        return False
    value = column.low or 0.0
    return int(value) if column.kind is Kind.INTEGER else value


def _check_sample(loaded: LoadedVersion) -> None:
    release = loaded.release
    if not release.sample:
        return
    rows = loaded.references
    answers = loaded.score(rows).reshape(len(rows), -1)
    expected = np.asarray(release.sample_answers, dtype=np.float64).reshape(len(rows), -1)
    if answers.shape != expected.shape or not np.allclose(answers, expected, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise TrainingFailed(
            f"{release.version.name} of {release.loop!r} answers its own sample otherwise than when it was released",
            expected=f"the {len(rows)} recorded answers, within {_TOLERANCE}",
            remedy="compare the versions of the libraries here and where it was trained; release it anew",
        )
