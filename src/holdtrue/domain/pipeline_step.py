"""Steps: plain functions whose argument names say what they need, put in an order in which each finds it."""

import difflib
import inspect
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

from holdtrue.domain.log_policy import parse_size
from holdtrue.domain.span import parse_span
from holdtrue.errors import DeclarationError

StepFunction = Callable[..., Any]
Function = TypeVar("Function", bound=StepFunction)

OPTIONS = "__holdtrue_step__"  # where `step` leaves what it was told: on the function itself, which stays what it is


@dataclass(frozen=True, kw_only=True)
class StepOptions:
    """How a step is run. Only `version` has a part in what it returns: the others change no cached value.

    Attributes:
        retries: how often it is begun again after it raised.
        retry_wait_seconds: the wait before the first repetition; it doubles before each further one.
        timeout_seconds: it is stopped when it runs longer, repetitions and waits included; None lets it run.
        memory_bytes: it is stopped when its process holds more; None sets no limit.
        version: raise it when something changes that no name in the code leads to.
        resources: what it needs of one machine where a cluster runs it: "cpu", "gpu", or a name of the cluster's own.
    """

    retries: int = 0
    retry_wait_seconds: float = 1.0
    timeout_seconds: float | None = None
    memory_bytes: int | None = None
    version: str | int | None = None
    resources: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.retries) is not int or self.retries < 0:
            raise DeclarationError(f"retries={self.retries!r}", expected="a whole number, 0 or more")
        for name, limit in (("timeout", self.timeout_seconds), ("memory", self.memory_bytes)):
            if limit is not None and limit <= 0:
                raise DeclarationError(f"{name} leaves a step nothing to run with", expected="more than 0")
        for name, amount in self.resources.items():
            _check_amount(name, amount)


def _check_amount(name: object, amount: object) -> None:
    if name == "memory":
        raise DeclarationError("resources has memory", expected='memory="2GB" beside it, which is also its limit')
    if not isinstance(name, str) or not name or not _is_amount(amount):
        raise DeclarationError(
            f"resources has {name!r}: {amount!r}",
            expected='names with how much of each, a share below 1 or a whole number, as in {"cpu": 4, "gpu": 0.5}',
        )


def _is_amount(amount: object) -> bool:
    """Say whether a cluster can give so much: it counts parts of a thing, or whole things."""
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < math.inf:
        return False
    return amount <= 1 or amount == int(amount)


def step(
    *,
    retries: int = 0,
    retry_wait: str | timedelta = "1s",
    timeout: str | timedelta | None = None,
    memory: str | None = None,
    version: str | int | None = None,
    resources: Mapping[str, float] | None = None,
) -> Callable[[Function], Function]:
    """Say how a step of a pipeline is run; the function itself stays as it is, to be called and tested as any other.

    Args:
        retries: how often the step is begun again after it raised.
        retry_wait: the wait before the first repetition, such as "10s"; it doubles before each further one.
        timeout: how long the step may run, such as "20m", repetitions and waits included.
        memory: how much its process may hold, such as "2GB".
        version: raise it when something changes that no name in the code leads to, such as a file that it reads.
        resources: what the step needs of one machine where a cluster runs it, such as {"cpu": 4, "gpu": 1}; without
            it, one core. Elsewhere it changes nothing.

    Raises:
        DeclarationError: a number or a span that cannot be meant.

    >>> @step(retries=2, timeout="5m")
    ... def double(n): return 2 * n
    >>> double(4)
    8
    """
    options = StepOptions(
        retries=retries,
        retry_wait_seconds=parse_span(retry_wait).total_seconds(),
        timeout_seconds=None if timeout is None else parse_span(timeout).total_seconds(),
        memory_bytes=None if memory is None else parse_size(memory),
        version=version,
        resources=dict(resources or {}),
    )

    def mark(function: Function) -> Function:
        setattr(function, OPTIONS, options)
        return function

    return mark


@dataclass(frozen=True)
class Step:
    """A node of the pipeline: its name is the function's, its edges are the names of the arguments.

    Attributes:
        name: of the function.
        function: the work.
        required: the arguments without a default.
        optional: the arguments with one: they are edges only where something of that name is there.
        options: how it is run.
        first: a name whose value goes to the first argument, whatever that is called; None where all go by name.
        code: digest of what it does, where that is more than the function's fingerprint says.
    """

    name: str
    function: StepFunction
    required: tuple[str, ...]
    optional: tuple[str, ...]
    options: StepOptions = StepOptions()
    first: str | None = None
    code: str | None = None

    def needs(self, known: Collection[str]) -> tuple[str, ...]:
        """Return the arguments that are given to the function, when `known` is what there is."""
        return self.required + tuple(name for name in self.optional if name in known)

    def call(self, arguments: Mapping[str, object]) -> Any:
        """Do the work."""
        if self.first is None:
            return self.function(**arguments)
        named = {name: value for name, value in arguments.items() if name != self.first}
        return self.function(arguments[self.first], **named)


def read_step(function: StepFunction) -> Step:
    """Read a step from a function; raises `DeclarationError` for arguments that name nothing."""
    if not callable(function):
        raise DeclarationError(f"the step {function!r} is not a function", expected="a function made with def")
    name = getattr(function, "__name__", type(function).__name__)
    if not name.isidentifier():
        raise DeclarationError(
            f"the step {name} has no name of its own", expected="a function made with def", remedy="give it a name"
        )
    required: list[str] = []
    optional: list[str] = []
    for argument in inspect.signature(function).parameters.values():
        if argument.kind not in {argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY}:
            raise DeclarationError(
                f"the step {name} takes {argument}", expected="arguments with names, since names are what joins steps"
            )
        (required if argument.default is argument.empty else optional).append(argument.name)
    options = getattr(function, OPTIONS, None)
    return Step(
        name,
        function,
        tuple(required),
        tuple(optional),
        options=options if isinstance(options, StepOptions) else StepOptions(),
    )


def order_steps(steps: Sequence[StepFunction | Step], *, given: Collection[str]) -> list[Step]:
    """Return the steps in an order in which each comes after all that it needs.

    Args:
        steps: the steps, or their functions, in any order.
        given: names of the inputs and parameters.

    Raises:
        DeclarationError: two things have one name, a name is nowhere to be found, or steps wait for each other.
    """
    read = [one if isinstance(one, Step) else read_step(one) for one in steps]
    named = {one.name: one for one in read}
    if len(named) < len(read):
        names = [one.name for one in read]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DeclarationError(f"two steps are called {', '.join(twice)}", expected="a name of its own for each step")
    taken = sorted(set(named) & set(given))
    if taken:
        raise DeclarationError(f"{taken[0]} is a step and an input or parameter", expected="a name for one thing only")
    known = {*named, *given}
    for one in read:
        _refuse_missing(one, known)
    return _sort(named, known)


def find_end(steps: Sequence[Step], *, given: Collection[str]) -> Step:
    """Return the one step that no other takes: what it returns is what the pipeline is for.

    Raises:
        DeclarationError: there is no step, or more than one that no other takes.
    """
    known = {*given, *(one.name for one in steps)}
    taken = {name for one in steps for name in one.needs(known)}
    ends = [one for one in steps if one.name not in taken]
    if len(ends) == 1:
        return ends[0]
    names = ", ".join(one.name for one in ends) or "none"
    raise DeclarationError(
        f"{len(ends)} steps are taken by no other: {names}",
        expected="one, which returns the model",
        remedy="name the others as an argument where they are wanted, or leave them out",
    )


def _name_nearest(name: str, others: Collection[str]) -> str:
    return next(iter(difflib.get_close_matches(name, others, n=1)), "")


def _refuse_missing(one: Step, known: Collection[str]) -> None:
    for name in one.required:
        if name not in known:
            near = _name_nearest(name, known)
            raise DeclarationError(
                f"the step {one.name} needs {name}, which no step, input or parameter is called",
                expected=f"one of {', '.join(sorted(known))}",
                remedy=f"write {near}" if near else f"add a step called {name}",
            )


def _sort(steps: dict[str, Step], known: Collection[str]) -> list[Step]:
    ordered: dict[str, Step] = {}
    for first in steps.values():
        # An own stack, so that a chain of steps may be longer than Python's.
        path, stack = [first.name], [iter(_edges(first, steps, known))]
        while stack:
            name = next(stack[-1], None)
            if name is None:
                stack.pop()
                done = path.pop()
                ordered.setdefault(done, steps[done])
            elif name in path:
                circle = " -> ".join([*path[path.index(name) :], name])
                raise DeclarationError(f"steps wait for each other: {circle}", expected="steps without a circle")
            elif name not in ordered:
                path.append(name)
                stack.append(iter(_edges(steps[name], steps, known)))
    return list(ordered.values())


def _edges(one: Step, steps: dict[str, Step], known: Collection[str]) -> list[str]:
    return [name for name in one.needs(known) if name in steps]


def read_train(function: StepFunction, parameters: Collection[str]) -> Step:
    """Read the one step of a loop with `train=`: its first argument is the dataset, whatever that is called.

    Raises:
        DeclarationError: it asks for more than the dataset and the parameters.
    """
    name = getattr(function, "__name__", type(function).__name__)
    options = getattr(function, OPTIONS, None)
    one = Step(
        name if name.isidentifier() else "train",
        function,
        ("data",),
        (),
        options=options if isinstance(options, StepOptions) else StepOptions(),
        first="data",
    )
    try:
        arguments = list(inspect.signature(function).parameters.values())[1:]
    except (TypeError, ValueError):  # native code may not say what it takes
        return one
    kinds = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    named = [argument for argument in arguments if argument.kind in kinds]
    required = tuple(argument.name for argument in named if argument.default is argument.empty)
    for wanted in required:
        if wanted not in parameters:
            raise DeclarationError(
                f"{one.name} takes {wanted} beside the dataset",
                expected="one dataset, and what parameters= names",
                remedy=f"declare parameters={{{wanted!r}: ...}}, or pipeline= for steps that take what others return",
            )
    optional = tuple(argument.name for argument in named if argument.name not in required)
    return replace(one, required=("data", *required), optional=optional)
