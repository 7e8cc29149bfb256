"""Recipe: the steps that make a model of a dataset, and their parameters; what a loop declares as train or pipeline."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdtrue.domain.digest import Json
from holdtrue.domain.pipeline_step import Step, StepFunction, find_end, order_steps, read_train
from holdtrue.errors import DeclarationError

DATA = "data"  # the name of the dataset


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is made.

    Attributes:
        steps: in an order in which each finds what it needs.
        end: the one among them that returns the model.
        parameters: JSON by name.
    """

    steps: tuple[Step, ...]
    end: Step
    parameters: Mapping[str, Json]

    @property
    def is_plain(self) -> bool:
        """Say whether it is one function of a dataset and nothing else."""
        return len(self.steps) == 1 and not self.parameters and self.end.first is not None


def make_recipe(
    train: StepFunction | None, pipeline: Sequence[StepFunction] | None, parameters: Mapping[str, Json]
) -> Recipe:
    """Return the recipe that train or pipeline declare; `train` alone is a pipeline of one step.

    Raises:
        DeclarationError: names that do not fit together, steps that wait for each other, no single end, or a parameter
            that is no JSON or that no step takes.
    """
    _check_parameters(parameters)
    given = {DATA, *parameters}
    if train is not None:
        steps = [read_train(train, parameters)]
        end = steps[0]
    else:
        steps = order_steps(tuple(pipeline or ()), given=given)
        end = find_end(steps, given=given)
    known = {*given, *(step.name for step in steps)}
    taken = {name for step in steps for name in step.needs(known)}
    unused = sorted(set(parameters) - taken)
    if unused:
        raise DeclarationError(
            f"no step takes the parameter {unused[0]}", expected=f"one of {', '.join(sorted(_list_arguments(steps)))}"
        )
    return Recipe(steps=tuple(steps), end=end, parameters=dict(parameters))


def _list_arguments(steps: Sequence[Step]) -> set[str]:
    names = {name for step in steps for name in (*step.required, *step.optional)}
    return names - {step.name for step in steps}


def _check_parameters(parameters: Mapping[str, Json]) -> None:
    if not isinstance(parameters, Mapping):
        raise DeclarationError(f"parameters={parameters!r}", expected='a mapping such as {"depth": 6}')
    for name, value in parameters.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise DeclarationError(f"the parameter {name!r} cannot be an argument", expected="a name such as depth")
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as refusal:
            raise DeclarationError(
                f"the parameter {name} is a {type(value).__name__} ({refusal})",
                expected="None, bool, int, finite float, str, and lists and string-keyed dicts of these",
            ) from refusal
