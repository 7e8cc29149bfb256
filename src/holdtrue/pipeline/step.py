"""Steps: plain functions whose argument names say what they need, put in an order in which each finds it."""

import difflib
import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from holdtrue.errors import DeclarationError

StepFunction = Callable[..., Any]


@dataclass(frozen=True)
class Step:
    """A node of the pipeline: its name is the function's, its edges are the names of the arguments.

    `optional` are the arguments with a default: they are edges only where something of that name is there.
    """

    name: str
    function: StepFunction
    required: tuple[str, ...]
    optional: tuple[str, ...]

    def needs(self, known: Collection[str]) -> tuple[str, ...]:
        """Return the arguments that are given to the function, when `known` is what there is."""
        return self.required + tuple(name for name in self.optional if name in known)


def read_step(function: StepFunction) -> Step:
    """Read a step from a function; raises `DeclarationError` for arguments that name nothing."""
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
    return Step(name, function, tuple(required), tuple(optional))


def order_steps(functions: Sequence[StepFunction], *, given: Collection[str]) -> list[Step]:
    """Return the steps in an order in which each comes after all that it needs.

    Args:
        functions: the steps, in any order.
        given: names of the inputs and parameters.

    Raises:
        DeclarationError: two things have one name, a name is nowhere to be found, or steps wait for each other.
    """
    steps = {step.name: step for step in map(read_step, functions)}
    if len(steps) < len(functions):
        names = [read_step(function).name for function in functions]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DeclarationError(f"two steps are called {', '.join(twice)}", expected="a name of its own for each step")
    taken = sorted(set(steps) & set(given))
    if taken:
        raise DeclarationError(f"{taken[0]} is a step and an input or parameter", expected="a name for one thing only")
    known = {*steps, *given}
    for step in steps.values():
        _refuse_missing(step, known)
    return _sort(steps, known)


def _refuse_missing(step: Step, known: Collection[str]) -> None:
    for name in step.required:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise DeclarationError(
                f"the step {step.name} needs {name}, which no step, input or parameter is called",
                expected=f"one of {', '.join(sorted(known))}",
                remedy=f"write {near[0]}" if near else f"add a step called {name}",
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


def _edges(step: Step, steps: dict[str, Step], known: Collection[str]) -> list[str]:
    return [name for name in step.needs(known) if name in steps]
