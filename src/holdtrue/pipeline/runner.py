"""Runner: runs steps in order, and takes from the cache what was computed before from the same code and inputs."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from holdtrue.domain import Figure, Json, Step, StepFunction, StepNotes, StepRecord, digest_of, order_steps
from holdtrue.environments import Limit, Printed, hearing, limiting, report_progress
from holdtrue.errors import DeclarationError, HoldtrueError
from holdtrue.pipeline.cache import Cache
from holdtrue.pipeline.fingerprint import fingerprint
from holdtrue.pipeline.note import Notebook, taking_notes
from holdtrue.pipeline.value import Input, decode_value, encode_value, list_artifacts

_KEY_FORM = "step 1"  # to be raised when the form of keys or of kept outputs changes


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What a run of steps gave: the value of each step by its name, and the record of each in the order they ran."""

    values: Mapping[str, Any]
    records: tuple[StepRecord, ...]


@dataclass
class Trail:
    """What the steps of a run leave behind as it goes, also of a run that fails.

    Attributes:
        records: of the steps that ended well, in their order.
        notes: what steps noted down and printed, by their cache key; the step that raised is among them.
    """

    records: list[StepRecord] = field(default_factory=list)
    notes: dict[str, StepNotes] = field(default_factory=dict)


@dataclass(frozen=True)
class _Held:
    """A value that steps may ask for. `give` makes a fresh copy, except of an `Input`."""

    digest: str
    give: Callable[[], object]


def run_steps(
    steps: Sequence[StepFunction | Step],
    *,
    inputs: Mapping[str, object],
    cache: Cache,
    parameters: Mapping[str, Json] | None = None,
    trail: Trail | None = None,
) -> RunOutcome:
    """Run steps, each once all that its arguments name is there; what the cache has is not run again.

    Every value goes through its kept form, so a step gets the same whether or not the one before it ran.

    Args:
        steps: functions, or steps read from them; an argument's name is the name of a step, an input or a parameter.
        inputs: what steps may hand on by name, or an `Input` for what is in memory.
        cache: `StepCache` of a store, or `MemoryCache`.
        parameters: JSON by name.
        trail: told of each step as it ends.

    Raises:
        DeclarationError: the names do not fit together, or a value cannot be kept.
        Exception: what a step raises, with a note that names it; what ran before it stays in the cache.

    >>> from holdtrue.pipeline import MemoryCache
    >>> def double(n): return 2 * n
    >>> def total(double, extra): return double + extra
    >>> run_steps([total, double], inputs={"n": 4}, parameters={"extra": 1}, cache=MemoryCache()).values["total"]
    9
    """
    known = _hold_given(inputs, parameters or {})
    ordered = order_steps(steps, given=known)
    # All before the first step runs: a step that changes a module's state must not change the keys of those after it.
    codes = {step.name: step.code or fingerprint(step.function) for step in ordered}
    trail = Trail() if trail is None else trail
    n_before = len(trail.records)
    try:
        for done, step in enumerate(ordered):
            report_progress(done, total=len(ordered), text=step.name)
            known[step.name] = _run_step(step, codes[step.name], known, cache, trail)
    finally:
        cache.flush()
    report_progress(len(ordered), total=len(ordered))
    values = {step.name: known[step.name].give() for step in ordered}
    return RunOutcome(values=values, records=tuple(trail.records[n_before:]))


def _hold_given(inputs: Mapping[str, object], parameters: Mapping[str, Json]) -> dict[str, _Held]:
    twice = sorted(set(inputs) & set(parameters))
    if twice:
        raise DeclarationError(f"{twice[0]} is an input and a parameter", expected="a name for one thing only")
    return {name: _hold(value, place=name) for name, value in {**inputs, **parameters}.items()}


def _hold(value: object, *, place: str) -> _Held:
    if isinstance(value, Input):
        return _Held(value.digest, lambda: value.value)
    pieces: dict[str, bytes] = {}

    def put(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        pieces[digest] = data
        return digest

    encoded = encode_value(value, place=place, put=put)
    return _Held(digest_of(encoded), lambda: decode_value(encoded, get=pieces.__getitem__))


def _run_step(step: Step, code: str, known: Mapping[str, _Held], cache: Cache, trail: Trail) -> _Held:
    began = time.perf_counter()
    needs = step.needs(known)
    key = digest_of([_KEY_FORM, code, {name: known[name].digest for name in needs}])
    kept, n_attempts = _find_output(cache, key), 1
    if kept is None:
        kept, n_attempts = _compute(step, {name: known[name] for name in needs}, key, cache, trail)
        is_cached = False
    else:
        is_cached = True
    encoded = kept["output"]
    digest = digest_of(encoded)
    if "notes" in kept:
        trail.notes[key] = msgspec.convert(kept["notes"], StepNotes)
    record = StepRecord(
        name=step.name,
        key=key,
        is_cached=is_cached,
        output=encoded["$artifact"] if isinstance(encoded, dict) and "$artifact" in encoded else digest,
        wall_seconds=time.perf_counter() - began,
        n_attempts=n_attempts,
    )
    trail.records.append(record)
    return _Held(digest, lambda: decode_value(encoded, get=cache.get_bytes))


def _find_output(cache: Cache, key: str) -> dict[str, Json] | None:
    """Return what is kept under a key, unless an artifact that it refers to is gone."""
    kept = cache.get(key)
    is_whole = isinstance(kept, dict) and all(cache.has_bytes(digest) for digest in list_artifacts(kept))
    return kept if is_whole else None


def recall_output(cache: Cache, key: str) -> tuple[Any] | None:
    """Return what a step returned under a key, alone in a tuple; None when it is no longer kept whole."""
    kept = _find_output(cache, key)
    return None if kept is None else (decode_value(kept["output"], get=cache.get_bytes),)


def _compute(
    step: Step, needed: Mapping[str, _Held], key: str, cache: Cache, trail: Trail
) -> tuple[dict[str, Json], int]:
    options = step.options
    limit = Limit(name=f"the step {step.name}", seconds=options.timeout_seconds, memory_bytes=options.memory_bytes)
    with limiting(limit):
        with _noting(step, key, cache, trail):
            value, n_attempts = _attempt(step, needed)
        # In an object of its own: a step may return None, and null would say that nothing is kept.
        output = {"output": encode_value(value, place=step.name, put=cache.put_bytes)}
    if key in trail.notes:
        output["notes"] = msgspec.to_builtins(trail.notes[key])
    # Another process may have been first; what it kept counts, so that all runs go on from the same output.
    kept = cache.put(key, output)
    return kept if kept == output else _find_output(cache, key) or output, n_attempts


@contextmanager
def _noting(step: Step, key: str, cache: Cache, trail: Trail) -> Iterator[None]:
    """Leave what the block notes and prints in the trail, if it does either, however the block ends."""
    with hearing() as printed, taking_notes() as notebook:
        try:
            yield
        except BaseException:
            with suppress(HoldtrueError):  # what the step raised says more than that its notes could not be kept
                _keep_notes(step, key, printed, notebook, cache, trail)
            raise
    _keep_notes(step, key, printed, notebook, cache, trail)


def _keep_notes(step: Step, key: str, printed: Printed, notebook: Notebook, cache: Cache, trail: Trail) -> None:
    figures = [
        Figure(name=name, kind=kind, artifact=cache.put_bytes(data), n_bytes=len(data))
        for name, (kind, data) in sorted(notebook.figures.items())
    ]
    text = printed.text
    log = cache.put_bytes(text.encode("utf-8", "backslashreplace")) if text else None
    if log or figures or notebook.metrics or notebook.parameters:
        trail.notes[key] = StepNotes(
            step=step.name,
            key=key,
            metrics=notebook.metrics,
            parameters=notebook.parameters,
            figures=tuple(figures),
            log=log,
            n_printed=printed.n_characters,
        )


def _attempt(step: Step, needed: Mapping[str, _Held]) -> tuple[object, int]:
    """Return what a step returns and how often it was begun; each time with fresh copies of what it takes."""
    for n_attempts in range(1, step.options.retries + 2):
        try:
            return step.call({name: held.give() for name, held in needed.items()}), n_attempts
        except HoldtrueError:  # what is declared wrongly, or cannot be stored, is so every time
            raise
        except Exception as raised:
            if n_attempts > step.options.retries:
                times = "" if n_attempts == 1 else f", begun {n_attempts} times"
                raised.add_note(f"This was raised in the step {step.name}{times}.")
                raise
            report_progress(0, text=f"{step.name} raised {type(raised).__name__}: {raised}; it is begun again")
            time.sleep(step.options.retry_wait_seconds * 2 ** (n_attempts - 1))
    raise AssertionError("the last attempt returns or raises")
