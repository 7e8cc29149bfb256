"""FunctionComputer: the computed columns of a version that has functions of the project, computed where its model is.

A function may be slow, raise, or never end, as a model may. So the event loop only opens a row: reads it and takes what
is known of the past. The rest is done in the thread of the model, as a part of asking it.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from holdtrue.domain import (
    MOMENT,
    Ask,
    Feature,
    Kind,
    Lookup,
    RowFunction,
    Signature,
    ask_row,
    make_formula,
    read_instant,
    settle_value,
)
from holdtrue.serving.request.row import Row


class FunctionComputer:
    """Computes the features of one version.

    Args:
        signature: of the version.
        functions: its functions, by `RowFunction.key`.
    """

    def __init__(self, signature: Signature, functions: Mapping[str, Ask]) -> None:
        kinds = {column.name: column.kind for column in signature.schema.columns}
        self._given = signature.given.columns
        self._names = signature.schema.names
        self._past = [feature for feature in signature.features if feature.past is not None]
        self._steps: list[_FunctionStep | _FormulaStep] = []
        for function, made in groupby(signature.features, key=lambda each: each.function):
            if function is not None:
                self._steps.append(_FunctionStep(function, list(made), functions[function.key]))
            else:
                self._steps.extend(_FormulaStep(each, kinds.get(each.name)) for each in made if each.formula)

    def open(self, row: Row, *, time: float, lookup: Lookup, told: Mapping[str, object] | None = None) -> Row:
        """Return a row with what it takes of the past, which is logged; its values are for `finish`.

        Args:
            row: as a request carries it.
            time: when the prediction is made, Unix seconds UTC.
            lookup: what was gathered of past rows.
            told: what a logged row took of the past; it goes before the lookup.
        """
        moment = read_instant(time)
        values: dict[str, object] = {MOMENT: moment}
        for column, value in zip(self._given, row.values, strict=True):
            # A text that training had not seen is missing to the model, and still a text to what is computed of it.
            values[column.name] = row.features.get(column.name) if column.kind is Kind.TEXT else value
        features = dict(row.features)
        for feature in self._past:
            assert feature.past is not None, "it is one of the past"
            if told is not None and feature.name in told:
                value = told[feature.name]
            else:
                value = lookup.find(feature.past, values, at=moment)
            features[feature.name] = values[feature.name] = value
        taken = {column.name: value for column, value in zip(self._given, row.values, strict=True)}
        return Row([values, taken], features, row.n_unseen)

    def finish(self, opened: Sequence[Any]) -> list[object]:
        """Return the values that the model takes of those of an opened row.

        Raises:
            RowFunctionFailed: a function raised, or returned what it may not.
        """
        given, taken = opened
        values = dict(given)
        for step in self._steps:
            step.fill(values)
        return [taken[name] if name in taken else values.get(name) for name in self._names]


class _FormulaStep:
    """An expression."""

    def __init__(self, feature: Feature, kind: Kind | None) -> None:
        self._name, self._kind = feature.name, kind
        self._ask = make_formula(feature.formula)

    def fill(self, values: dict[str, Any]) -> None:
        values[self._name] = None if self._kind is None else settle_value(self._ask(values), self._kind)


class _FunctionStep:
    """A function, given what it was given in training."""

    def __init__(self, function: RowFunction, made: Sequence[Feature], ask: Ask) -> None:
        self._ask, self._made = ask, made
        self._told = f"{function.function}()"
        self._takes = [(name, MOMENT if name == function.time else name) for name in function.takes]

    def fill(self, values: dict[str, Any]) -> None:
        row = {name: values.get(known) for name, known in self._takes}
        for feature, value in zip(self._made, ask_row(self._ask, row, self._made, told=self._told), strict=True):
            values[feature.name] = value
