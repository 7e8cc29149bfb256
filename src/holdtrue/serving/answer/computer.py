"""Computer: the computed columns of a row, after it was checked and before its model takes it."""

from collections.abc import Mapping

from holdtrue.domain import MOMENT as MOMENT_NAME
from holdtrue.domain import Kind, Lookup, Signature, make_formula, read_instant, settle_value
from holdtrue.serving.request.row import Row


class Computer:
    """Computes the features of one version. It needs neither dataframes nor past rows."""

    def __init__(self, signature: Signature) -> None:
        kinds = {column.name: column.kind for column in signature.schema.columns}
        self._given = signature.given.columns
        self._names = signature.schema.names
        self._features = [
            (feature, make_formula(feature.formula) if feature.formula else None, kinds.get(feature.name))
            for feature in signature.features
        ]

    def fill(self, row: Row, *, time: float, lookup: Lookup, told: Mapping[str, object] | None = None) -> Row:
        """Return a row with all that the model takes; what it took of the past is among what is logged.

        Args:
            row: as a request carries it.
            time: when the prediction is made, Unix seconds UTC.
            lookup: what was gathered of past rows.
            told: what a logged row took of the past; it goes before the lookup.
        """
        if not self._features:
            return row
        moment = read_instant(time)
        values: dict[str, object] = {MOMENT_NAME: moment}
        for column, value in zip(self._given, row.values, strict=True):
            # A text that training had not seen is missing to the model, and still a text to an expression.
            values[column.name] = row.features.get(column.name) if column.kind is Kind.TEXT else value
        features = dict(row.features)
        for feature, ask, kind in self._features:
            if feature.past is None:
                value = None if ask is None or kind is None else settle_value(ask(values), kind)
            else:
                if told is not None and feature.name in told:
                    value = told[feature.name]
                else:
                    value = lookup.find(feature.past, values, at=moment)
                features[feature.name] = value
            values[feature.name] = value
        taken = dict(zip((column.name for column in self._given), row.values, strict=True))
        return Row([taken.get(name, values.get(name)) for name in self._names], features, row.n_unseen)
