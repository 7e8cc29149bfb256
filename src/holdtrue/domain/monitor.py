"""Monitor: what a loop declares to be watched beside all of its rows, checked where it is declared."""

from collections.abc import Sequence

from holdtrue.domain.check import Slices
from holdtrue.domain.source import Predictions, Table
from holdtrue.errors import DeclarationError


def check_monitor(declared: Sequence[object], data: Table | Predictions) -> None:
    """Refuse what cannot be watched: what is no slices by columns, and columns that are no features.

    Raises:
        DeclarationError: as said.
    """
    for each in declared:
        if not isinstance(each, Slices) or not each.columns:
            raise DeclarationError(
                f"monitor={each!r} names no slices to watch",
                expected='holdtrue.slices("carrier", ("carrier", "origin")) with the columns that tell them apart',
            )
        if each.margin is not None or each.worst is not None:
            raise DeclarationError(
                "slices(...) in monitor= has a margin= or worst=",
                expected="columns alone: each slice is held against what it lost itself where its version was judged",
                remedy="margin= and worst= belong to validate=[holdtrue.slices(...)]",
            )
        for name in (name for entry in each.columns for name in entry):
            _check_column(name, data)


def _check_column(name: str, data: Table | Predictions) -> None:
    parts = [data.key, data.time, data.label, data.label_time]
    parts += [data.unit, *data.drop] if isinstance(data, Table) else [*data.answer_columns, data.version]
    is_feature = name in data.features if data.features is not None else name not in parts
    if not is_feature:
        raise DeclarationError(
            f"monitor= slices by {name!r}, which is no feature",
            expected="a column that the model may see: the prediction log keeps those and no others",
            remedy="make it a feature, or slice by another column; validate= may slice by columns of the table that no "
            "model sees",
        )
