"""A drift report: how far every column of a table has moved from the kept profile of its reference.

It explains and never pages: a move stands beside a risk alert as its likely cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from holdtrue.data import FrameProfile, profile_files, profile_frame
from holdtrue.domain import format_count
from holdtrue.stats import Move, MoveRule, Profile, calibrate_wobble, judge_move


@dataclass(frozen=True, kw_only=True)
class ColumnMove:
    """How one column stands to its reference.

    Attributes:
        column: its name.
        is_missing: its missing share is judged, not its values.
        move: what was found.
    """

    column: str
    is_missing: bool
    move: Move


@dataclass(frozen=True, kw_only=True, eq=False)
class DriftReport:
    """How the columns of one window stand to their reference; values and missing shares are judged apart.

    Attributes:
        columns: one entry for the values and one for the missing share of each column, in the table's order.
        profile: what was measured of the window: add it to others, or keep it as an own day of the next reference.
    """

    columns: tuple[ColumnMove, ...]
    profile: FrameProfile

    @property
    def moved(self) -> tuple[ColumnMove, ...]:
        """The columns that have moved by all four parts of the rule, the farthest first."""
        found = [each for each in self.columns if each.move.has_moved]
        return tuple(sorted(found, key=lambda each: -each.move.debiased_index))

    @property
    def sentence(self) -> str:
        """The report for people."""
        n_columns = len(self.profile.columns)
        if not self.moved:
            return f"None of {n_columns} columns has moved ({format_count(self.profile.n_rows, 'row')})."
        said = [
            f"{each.column}{' (its missing share)' if each.is_missing else ''}, index {each.move.debiased_index:.3f}"
            for each in self.moved[:3]
        ]
        more = f", and {len(self.moved) - 3} more" if len(self.moved) > 3 else ""
        return f"{len(self.moved)} of {2 * n_columns} values and missing shares have moved: {'; '.join(said)}{more}."

    def to_frame(self) -> pl.DataFrame:
        """Return the figures as a table, one row for each entry of `columns`."""
        names = (
            "has_moved",
            "exceeds",
            "is_testable",
            "is_calibrated",
            "debiased_index",
            "p_value",
            "own_tail",
            "ks_distance",
            "wasserstein",
            "n_reference",
            "n_current",
        )
        rows = [
            {"column": each.column, "is_missing": each.is_missing} | {name: getattr(each.move, name) for name in names}
            for each in self.columns
        ]
        return pl.DataFrame(rows, infer_schema_length=None)


def report_drift(
    reference: FrameProfile,
    current: FrameProfile | pl.DataFrame | str | Path,
    *,
    own_days: Sequence[FrameProfile] = (),
    earlier: Sequence[DriftReport] = (),
    windows_a_year: float = 365.0,
    budget: float = 1.0,
) -> DriftReport:
    """Return how far each column of one window has moved, by the four-part rule (`holdtrue.stats.judge_move`).

    A single window never moves by itself: the fourth part asks for two of three, so hand on the reports before.

    Args:
        reference: the kept profile of the rows that the version was trained or validated on.
        current: rows of the window, a Parquet or CSV file or glob (read column by column), or their profile, measured
            `like` the reference.
        own_days: profiles of at least 30 days of the reference, measured like it: what is usual is then no move.
        earlier: reports of the windows before, latest last.
        windows_a_year: how many such windows there are a year.
        budget: columns a year that may be named though nothing has moved.

    Raises:
        ColumnMissing: the window lacks a column of the reference.
        SourceMissing, SourceError: the file is not there or cannot be read.
    """
    profile = _take_profile(current, reference)
    rule = MoveRule(n_columns=2 * max(1, len(reference.columns)), windows_a_year=windows_a_year, budget=budget)
    before = [{(each.column, each.is_missing): each.move.exceeds for each in report.columns} for report in earlier[-2:]]
    found = []
    for name, column in reference.columns.items():
        for is_missing in (False, True) if column.n_present else (True,):
            recent = [exceeded.get((name, is_missing), False) for exceeded in before]
            move = _judge((reference, profile, own_days), name, is_missing=is_missing, rule=rule, recent=recent)
            found.append(ColumnMove(column=name, is_missing=is_missing, move=move))
    return DriftReport(columns=tuple(found), profile=profile)


def _take_profile(current: FrameProfile | pl.DataFrame | str | Path, reference: FrameProfile) -> FrameProfile:
    if isinstance(current, FrameProfile):
        return current
    if isinstance(current, pl.DataFrame):
        return profile_frame(current, like=reference)
    return profile_files(current, like=reference)


def _judge(
    profiles: tuple[FrameProfile, FrameProfile, Sequence[FrameProfile]],
    name: str,
    *,
    is_missing: bool,
    rule: MoveRule,
    recent: Sequence[bool],
) -> Move:
    reference, current = (_view(profile, name, is_missing=is_missing) for profile in profiles[:2])
    move = judge_move(reference, current, rule=rule, recent=recent)
    if not move.exceeds or not profiles[2]:
        return move
    # Only what exceeds parts 1 and 2 is worth the price of its own days.
    wobble = calibrate_wobble(reference, [_view(day, name, is_missing=is_missing) for day in profiles[2]])
    return judge_move(reference, current, rule=rule, wobble=wobble, recent=recent)


def _view(profile: FrameProfile, name: str, *, is_missing: bool) -> Profile:
    column = profile.columns[name]
    return column.missing if is_missing else column
