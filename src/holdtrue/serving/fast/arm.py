"""Arm: one of the ways in which a loop's traffic may have a row answered, made ready for the short way."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from holdtrue.domain import Assignment, Kind
from holdtrue.serving.answer.loaded import LoadedVersion
from holdtrue.serving.fast.row_type import PlainRow, RowType, Values
from holdtrue.serving.fast.stencil import Stencil


class Taker:
    """Takes out of a plain row what a version is asked with.

    Attributes:
        knows_levels: whether the version has text columns, so that a value of a row may be new to it.
    """

    def __init__(self, version: LoadedVersion, row_type: RowType) -> None:
        self._width = row_type.n_features if row_type.has_event else None
        self._levels = [
            (position, frozenset(column.levels))
            for position, column in enumerate(version.release.version.signature.schema.columns)
            if column.kind is Kind.TEXT
        ]
        self.knows_levels = bool(self._levels)

    def take(self, row: PlainRow) -> tuple[Values, int]:
        """Return the values, and how many were levels that the version had not seen (taken as missing)."""
        given: Sequence[Any] = msgspec.structs.astuple(row)
        if self._width is not None:
            given = given[: self._width]
        if not self._levels:
            return given, 0
        values, n_unseen = list(given), 0
        for position, known in self._levels:
            if values[position] is not None and values[position] not in known:
                values[position] = None
                n_unseen += 1
        return values, n_unseen


class Arm:
    """A version in a role: how it takes rows, and what is written and replied for it.

    Attributes:
        assignment: the version's number, its role, and how likely it was.
        version: the version.
        taker: takes its values.
        choose: chooses a row's action by its numbers; None where the release has no rule.
        lines: the stencils of its rows in the log, by what makes them differ.
        replies: those of its replies.
    """

    def __init__(self, assignment: Assignment, version: LoadedVersion, taker: Taker) -> None:
        rule = version.release.action_rule
        self.assignment = assignment
        self.version = version
        self.taker = taker
        self.choose: Callable[[Sequence[float]], str] | None = None if rule is None else rule.choose
        self.lines: dict[tuple[object, ...], Stencil] = {}
        self.replies: dict[tuple[object, ...], Stencil] = {}
