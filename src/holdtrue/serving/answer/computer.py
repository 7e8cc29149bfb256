"""Computer: the computed columns of a row, after it was checked and before its model takes it."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from holdtrue.domain import MOMENT, Feature, Kind, Lookup, Past, Signature, make_formula, read_instant
from holdtrue.serving.request.row import Row

Slots = list[Any]
"""What a row comes to, each at its place: the raw columns, the moment, the lookup, then one feature after the other."""
Step = Callable[[Slots], Any]


class Computer:
    """Computes the features of one version. It needs neither dataframes nor past rows.

    Attributes:
        past_names: the features that are taken of the past, in the order in which they are logged.
    """

    def __init__(self, signature: Signature) -> None:
        given, features = signature.given.columns, signature.features
        kinds = {column.name: column.kind for column in signature.schema.columns}
        places = {name: place for place, name in enumerate([*(column.name for column in given), MOMENT])}
        self._steps: dict[str, Step] = {}
        for feature in features:
            self._steps[feature.name] = _make_step(feature, kinds.get(feature.name), places)
            places[feature.name] = len(places) + 1  # the lookup has a place, and no name
        self._needs_moment = any(feature.past is not None or MOMENT in feature.formula for feature in features)
        self._pick_schema = _make_picker([places[name] for name in signature.schema.names])
        self.past_names = tuple(feature.name for feature in features if feature.past is not None)
        self._pick_past = _make_picker([places[name] for name in self.past_names])
        order = {name: place for place, name in enumerate(signature.schema.names)}
        self._given = [(column.name, column.kind is Kind.TEXT, order[column.name]) for column in given]

    def compute(
        self, given: Sequence[object], *, time: float, lookup: Lookup, told: Mapping[str, object] | None = None
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return the values of all columns in the order of the schema, and what was taken of the past.

        Args:
            given: the values of the raw columns in their order: texts as they came, all else as it was read.
            time: when the prediction is made, Unix seconds UTC.
            lookup: what was gathered of past rows.
            told: what a logged row took of the past; it goes before the lookup.
        """
        slots = [*given, read_instant(time) if self._needs_moment else None, lookup]
        add = slots.append
        if told is None:
            for ask in self._steps.values():
                add(ask(slots))
        else:
            for name, ask in self._steps.items():
                add(told[name] if name in self.past_names and name in told else ask(slots))
        return self._pick_schema(slots), self._pick_past(slots)

    def fill(self, row: Row, *, time: float, lookup: Lookup, told: Mapping[str, object] | None = None) -> Row:
        """Return a row, as a request carries it, with all that the model takes; see `compute`.

        What it took of the past is among what is logged. A text that training had not seen is missing to the model,
        and still a text to an expression.
        """
        given = [
            row.features.get(name) if is_text else value
            for (name, is_text, _), value in zip(self._given, row.values, strict=True)
        ]
        computed, taken = self.compute(given, time=time, lookup=lookup, told=told)
        values = list(computed)
        for (_, _, place), value in zip(self._given, row.values, strict=True):
            values[place] = value
        return Row(values, row.features | dict(zip(self.past_names, taken, strict=True)), row.n_unseen)


def _make_step(feature: Feature, kind: Kind | None, places: Mapping[str, int]) -> Step:
    """Return what one feature comes to on a row whose columns, and the features above it, stand at these places."""
    if feature.past is not None:
        return _make_search(feature.past, places)
    if kind is None or not feature.formula:
        return lambda slots: None
    return make_formula(feature.formula, places=places, kind=kind)


def _make_search(past: Past, places: Mapping[str, int]) -> Step:
    if any(name not in places for name in past.by):
        return lambda slots: None
    moment, pick = places[MOMENT], _make_picker([places[name] for name in past.by])
    return lambda slots: slots[moment + 1].find_by(past, pick(slots), at=slots[moment])


def _make_picker(places: Sequence[int]) -> Callable[[Slots], Sequence[Any]]:
    """Return what takes the values at these places out of a list, as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    return (lambda slots: (slots[places[0]],)) if places else lambda slots: ()
