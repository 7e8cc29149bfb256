"""Arm: one of the ways in which a loop's traffic may have a row answered, made ready for the short way."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from holdtrue.domain import Assignment, Kind
from holdtrue.serving.answer.loaded import LoadedVersion
from holdtrue.serving.fast.row_type import PlainRow, RowType, Values
from holdtrue.serving.fast.stencil import Stencil


class Taker:
    """Takes out of a plain row what a version is asked with, and computes what it is to be asked with beside.

    Attributes:
        knows_levels: whether requests carry texts to the version, so that a value of a row may be new to it.
    """

    def __init__(self, version: LoadedVersion, row_type: RowType) -> None:
        signature = version.release.version.signature
        given = set(signature.given.names)
        self._width = row_type.n_features if row_type.has_more else None
        self._levels = [
            (position, frozenset(column.levels))
            for position, column in enumerate(signature.schema.columns)
            if column.kind is Kind.TEXT and column.name in given
        ]
        self.knows_levels = bool(self._levels)
        self._computer, self._shelf = version.computer, version.shelf
        past_names = () if version.computer is None else version.computer.past_names
        self._past_fields = [row_type.past_fields[name] for name in past_names]
        self._fields_of_all = list(row_type.past_fields.values())

    def take(self, row: PlainRow, *, seconds: float | None) -> tuple[Values, int]:
        """Return the values, and how many were levels that the version had not seen (taken as missing).

        What a feature takes of the past is put into the row. `seconds` is when the prediction is made (Unix seconds
        UTC), which only a version that computes features needs. What a formula may raise, this does.
        """
        given: Sequence[Any] = msgspec.structs.astuple(row)
        if self._width is not None:
            given = given[: self._width]
        if self._computer is not None and seconds is not None:
            given, past = self._computer.compute(given, time=seconds, lookup=self._shelf.take())
            for field, value in zip(self._past_fields, past, strict=True):
                setattr(row, field, value)
        if not self._levels:
            return given, 0
        values, n_unseen = list(given), 0
        for position, known in self._levels:
            if values[position] is not None and values[position] not in known:
                values[position] = None
                n_unseen += 1
        return values, n_unseen

    def take_over(self, row: PlainRow, *, seconds: float | None) -> tuple[Values, int]:
        """Return the same for a row that was logged for another version; from now on it is as logged for this one."""
        for field in self._fields_of_all:
            setattr(row, field, msgspec.UNSET)
        return self.take(row, seconds=seconds)


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
