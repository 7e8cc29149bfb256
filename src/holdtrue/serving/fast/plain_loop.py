"""PlainLoop: what one loop serves, made ready for the short way; made once for each change of its traffic."""

from collections.abc import Sequence
from typing import Any

import msgspec

from holdtrue.domain import Assignment, Kind, assign
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop
from holdtrue.serving.fast.form import Form, NativeForm, TensorForm
from holdtrue.serving.fast.row_type import PlainRow, RowType, Values, make_row_type, name_form
from holdtrue.serving.fast.stencil import Stencils


class PlainLoop:
    """A served loop whose rows may go the short way.

    Attributes:
        served: what it was made for.
        forms: the decoder of each wire form, by its name.
        stencils: the replies.
    """

    def __init__(self, served: ServedLoop, row_type: RowType) -> None:
        schema = served.champion.release.version.signature.schema
        self.served = served
        self.row_type = row_type
        self.forms: dict[str, Form] = {"native": NativeForm(row_type), "v2": TensorForm(row_type, schema)}
        self.stencils = Stencils(served.traffic.loop)
        self._sole = assign(served.traffic, "") if served.traffic.challenger is None else None
        self._levels = {
            number: [
                (position, frozenset(column.levels))
                for position, column in enumerate(version.release.version.signature.schema.columns)
                if column.kind is Kind.TEXT
            ]
            for number, version in served.versions.items()
        }

    def assign(self, unit: str) -> Assignment:
        """Return which version answers a unit."""
        return self._sole or assign(self.served.traffic, unit)

    def take_values(self, row: PlainRow, version: LoadedVersion) -> tuple[Values, int]:
        """Return the values of a row as a version takes them, and how many were levels that it had not seen."""
        given: Sequence[Any] = msgspec.structs.astuple(row)[: self.row_type.n_features]
        levels = self._levels[version.number]
        if not levels:
            return given, 0
        values, n_unseen = list(given), 0
        for position, known in levels:
            if values[position] is not None and values[position] not in known:
                values[position] = None
                n_unseen += 1
        return values, n_unseen


def make_plain_loop(served: ServedLoop) -> PlainLoop | None:
    """Make a loop ready for the short way; None where it cannot go it.

    It cannot where a version that answers is slow (its rows wait in a thread, and the event loop must not), computes
    features, or where the versions do not take rows of one form.
    """
    versions = [served.versions[number] for number in served.traffic.shares if number in served.versions]
    schemas = [version.release.version.signature.schema for version in versions]
    if not all(version.is_fast and version.computer is None for version in versions):
        return None
    if any(name_form(schema) != name_form(schemas[0]) for schema in schemas):
        return None
    if any(version.names != versions[0].names for version in versions):
        return None
    return PlainLoop(served, make_row_type(schemas[0], served.champion.names))
