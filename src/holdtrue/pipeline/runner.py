"""Runner: runs steps in order, and takes from the cache what was computed before from the same code and inputs."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from holdtrue.codebase.fingerprint import fingerprint
from holdtrue.domain import Figure, Json, Step, StepFunction, StepNotes, StepRecord, digest_of, order_steps
from holdtrue.environments import Limit, Printed, hearing, limiting, report_progress
from holdtrue.errors import DeclarationError, HoldtrueError
from holdtrue.pipeline.cache import Cache
from holdtrue.pipeline.note import Notebook, taking_notes
from holdtrue.pipeline.value import Input, decode_value, encode_value, list_artifacts

_KEY_FORM = "step 2"  # to be raised when the form of keys or of kept outputs changes


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
class Held:
    """A value that steps may ask for. `give` makes a fresh copy, except of an `Input` that has none.

    `encoded` is its kept form, with `get` for the bytes of the artifacts in that; an `Input` has neither.
    """

    digest: str
    give: Callable[[], object]
    encoded: Json = None
    get: Callable[[str], bytes] | None = None


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a step returned, in its kept form, how often it was begun, and what it noted down and printed, if it did."""

    encoded: Json
    n_attempts: int
    notes: StepNotes | None = None


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
    known = hold_given(inputs, parameters or {})
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


def hold_given(inputs: Mapping[str, object], parameters: Mapping[str, Json]) -> dict[str, Held]:
    """Return all that is given by its name; raises `DeclarationError` for a name of two things."""
    twice = sorted(set(inputs) & set(parameters))
    if twice:
        raise DeclarationError(f"{twice[0]} is an input and a parameter", expected="a name for one thing only")
    return {name: _hold(value, place=name) for name, value in {**inputs, **parameters}.items()}


def _hold(value: object, *, place: str) -> Held:
    if isinstance(value, Input):
        return Held(value.digest, value.copy or (lambda: value.value))
    pieces: dict[str, bytes] = {}

    def put(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        pieces[digest] = data
        return digest

    encoded = encode_value(value, place=place, put=put)
    return hold_encoded(encoded, pieces.__getitem__)


def hold_encoded(encoded: Json, get: Callable[[str], bytes]) -> Held:
    """Return a value that is there in its kept form, with `get` for the artifacts in it."""
    return Held(digest_of(encoded), lambda: decode_value(encoded, get=get), encoded, get)


def _run_step(step: Step, code: str, known: Mapping[str, Held], cache: Cache, trail: Trail) -> Held:
    began = time.perf_counter()
    needs = step.needs(known)
    key = name_key(step, code, known)
    kept, n_attempts = find_output(cache, key), 1
    if kept is None:
        kept, n_attempts = _compute(step, {name: known[name] for name in needs}, key, cache, trail)
        is_cached = False
    else:
        is_cached = True
    leave_notes(kept, key, trail)
    record = StepRecord(
        name=step.name,
        key=key,
        is_cached=is_cached,
        output=name_output(kept["output"]),
        wall_seconds=time.perf_counter() - began,
        n_attempts=n_attempts,
    )
    trail.records.append(record)
    return hold_encoded(kept["output"], cache.get_bytes)


def name_key(step: Step, code: str, known: Mapping[str, Held]) -> str:
    """Return the cache's key of a step: of its code, and of all that it takes."""
    return digest_of([_KEY_FORM, code, {name: known[name].digest for name in step.needs(known)}])


def name_output(encoded: Json) -> str:
    """Return the digest that an output is known by: that of its bytes, where it is one artifact."""
    is_artifact = isinstance(encoded, dict) and "$artifact" in encoded
    return encoded["$artifact"] if is_artifact else digest_of(encoded)


def find_output(cache: Cache, key: str) -> dict[str, Json] | None:
    """Return what is kept under a key, unless an artifact that it refers to is gone."""
    kept = cache.get(key)
    return kept if isinstance(kept, dict) and all(map(cache.has_bytes, list_references(kept))) else None


def list_references(kept: Mapping[str, Json]) -> Iterator[str]:
    """Yield the artifacts that a kept output is no longer whole without: of its value, log and figures."""
    yield from list_artifacts(kept.get("output"))
    if "notes" in kept:
        notes = msgspec.convert(kept["notes"], StepNotes)
        yield from (figure.artifact for figure in notes.figures)
        yield from () if notes.log is None else (notes.log,)


def recall_output(cache: Cache, key: str) -> tuple[Any] | None:
    """Return what a step returned under a key, alone in a tuple; None when it is no longer kept whole."""
    kept = find_output(cache, key)
    return None if kept is None else (decode_value(kept["output"], get=cache.get_bytes),)


def _compute(
    step: Step, needed: Mapping[str, Held], key: str, cache: Cache, trail: Trail
) -> tuple[dict[str, Json], int]:
    done = compute_step(step, needed, key=key, put=cache.put_bytes, trail=trail)
    return keep_output(cache, key, done), done.n_attempts


def compute_step(
    step: Step, needed: Mapping[str, Held], *, key: str, put: Callable[[bytes], str], trail: Trail
) -> Output:
    """Do a step, within its limits and with its repetitions.

    `put` is called for the bytes in what it returns, notes and prints. The trail gets its notes, even if it raises.
    """
    options = step.options
    limit = Limit(name=f"the step {step.name}", seconds=options.timeout_seconds, memory_bytes=options.memory_bytes)
    with limiting(limit):
        with _noting(step, key, put, trail):
            value, n_attempts = _attempt(step, needed)
        encoded = encode_value(value, place=step.name, put=put)
    return Output(encoded=encoded, n_attempts=n_attempts, notes=trail.notes.get(key))


def keep_output(cache: Cache, key: str, done: Output) -> dict[str, Json]:
    """Keep an output and return the one that is kept: another process may have been first, and then its own counts."""
    # In an object of its own: a step may return None, and null would say that nothing is kept.
    output = {"output": done.encoded}
    if done.notes is not None:
        output["notes"] = msgspec.to_builtins(done.notes)
    kept = cache.put(key, output)
    return kept if kept == output else find_output(cache, key) or output


def leave_notes(kept: Mapping[str, Json], key: str, trail: Trail) -> None:
    """Leave in the trail what a step whose output is kept noted down and printed when it was computed."""
    if "notes" in kept:
        trail.notes[key] = msgspec.convert(kept["notes"], StepNotes)


@contextmanager
def _noting(step: Step, key: str, put: Callable[[bytes], str], trail: Trail) -> Iterator[None]:
    """Leave what the block notes and prints in the trail, if it does either, however the block ends."""
    with hearing() as printed, taking_notes() as notebook:
        try:
            yield
        except BaseException:
            with suppress(HoldtrueError):  # what the step raised says more than that its notes could not be kept
                _keep_notes(step, key, printed, notebook, put, trail)
            raise
    _keep_notes(step, key, printed, notebook, put, trail)


def _keep_notes(
    step: Step, key: str, printed: Printed, notebook: Notebook, put: Callable[[bytes], str], trail: Trail
) -> None:
    figures = [
        Figure(name=name, kind=kind, artifact=put(data), n_bytes=len(data))
        for name, (kind, data) in sorted(notebook.figures.items())
    ]
    text = printed.text
    log = put(text.encode("utf-8", "backslashreplace")) if text else None
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


def _attempt(step: Step, needed: Mapping[str, Held]) -> tuple[object, int]:
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
