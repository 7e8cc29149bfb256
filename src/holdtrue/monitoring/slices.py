"""Slices: the risk of declared parts of the rows, watched beside that of all rows without more false alarms.

Each slice is held against what it lost itself where its version was judged, by the detector that watches all rows. Of S
slices each is held against S times the run length (`holdtrue.stats.DetectorFamily`), and its bound is made at 5 %/S: so
neither the average time to a false alarm nor the chance that any bound is too low depends on how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import SliceReading, SliceReference, format_count, format_figure
from holdtrue.monitoring.alarm import Alarm, Course, follow_alarms
from holdtrue.monitoring.risk import choose_limit, find_calm, find_rise, settle_design_effect
from holdtrue.stats import Shape, bound_mean, measure_shape, paired_interval

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# With fewer rows the bound is so far off that a slice could double its loss unseen.
LEAST_ROWS = 100
LEAST_DAYS = 2
REFERENCE_ALPHA = 0.05
MOST_NAMED = 3
# A slice that carries less is alerted with all the others: the rise lies everywhere.
LEAST_LIFT = 1.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """Rows told apart by one declared entry.

    Attributes:
        codes: the part that each row is in, shape (n_rows,).
        names: of each part.
    """

    codes: Integers
    names: Sequence[str]


def measure_slices(
    losses: Floats, *, days: Integers, entries: Sequence[Parts], high: float
) -> tuple[tuple[SliceReference, ...], ...]:
    """Return what each slice that holds rows lost, entry by entry.

    The bound is one-sided at 5 % shared among all slices that have enough rows, and made for skewed losses
    (`bound_mean`): a slice whose few rows lack the large ones is taken to be shaped as all rows are.

    Args:
        losses: of rows that the version was judged by, at most high, shape (n_rows,).
        days: day of each row, shape (n_rows,).
        entries: how the rows are told apart, once for each declared entry.
        high: largest possible loss.
    """
    found = [_measure_entry(losses, days, entry) for entry in entries]
    n_watched = sum(reference.n_rows >= reference.n_needed for entry in found for reference in entry)
    whole = paired_interval(losses, blocks=days).design_effect if len(np.unique(days)) >= LEAST_DAYS else 1.0
    shape = measure_shape(losses) if len(losses) > 1 else None
    bound = _Bound(losses=losses, days=days, high=high, whole=whole, shape=shape, n_slices=max(1, n_watched))
    return tuple(
        tuple(bound.add(reference, parts.codes == reference.part) for reference in entry)
        for parts, entry in zip(entries, found, strict=True)
    )


def _measure_entry(losses: Floats, days: Integers, parts: Parts) -> list[SliceReference]:
    found = []
    for part in np.unique(parts.codes).tolist():
        mine = parts.codes == part
        has_days = len(np.unique(days[mine])) >= LEAST_DAYS
        found.append(
            SliceReference(
                part=part,
                name=parts.names[part],
                n_rows=int(mine.sum()),
                n_needed=LEAST_ROWS if has_days else max(LEAST_ROWS, int(mine.sum()) + 1),
                mean=float(losses[mine].mean()),
            )
        )
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class _Bound:
    losses: Floats
    days: Integers
    high: float
    whole: float
    shape: Shape | None
    n_slices: int

    def add(self, reference: SliceReference, mine: NDArray[np.bool_]) -> SliceReference:
        if reference.n_rows < reference.n_needed:
            return reference
        effect = self._temper(self.losses[mine], self.days[mine])
        found = bound_mean(
            self.losses[mine],
            alpha=REFERENCE_ALPHA / self.n_slices,
            n_blocks=len(np.unique(self.days[mine])),
            design_effect=effect,
            shape=self.shape,
        )
        return replace(reference, upper=min(found, self.high), design_effect=effect)

    def _temper(self, losses: Floats, days: Integers) -> float:
        """Return the design effect of a slice: its own, and at least what all rows show at so many rows a day."""
        spread = paired_interval(losses, blocks=days)
        a_day, n_days = len(losses) / spread.n_blocks, len(np.unique(self.days))
        within = (self.whole - 1) / max(len(self.losses) / n_days - 1, 1.0)
        own = settle_design_effect(spread.design_effect, n_rows=len(losses), n_blocks=spread.n_blocks)
        return max(own, 1 + within * max(a_day - 1, 0.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class SlicesReading:
    """How all declared slices stand.

    Attributes:
        slices: in the order of the entries; those that are not watched say how many rows they would need.
        shares: for each risen slice by name, its share of the rows of its entry, and of what these lose more than they
            did where the version was judged; both since its rise, 0..1.
    """

    slices: tuple[SliceReading, ...] = ()
    shares: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def risen(self) -> tuple[SliceReading, ...]:
        """Return the slices whose risk has risen, the one that carries most of the rise first."""
        risen = [each for each in self.slices if each.has_risen]
        return tuple(sorted(risen, key=lambda each: -self.shares[each.name][1]))

    @property
    def watched(self) -> tuple[SliceReading, ...]:
        """Return the slices that are watched."""
        return tuple(each for each in self.slices if each.limit is not None)


def tell_risen(reading: SlicesReading) -> str:
    """Say in which slices the risk has risen, while that of all rows has not; "" where it has in none."""
    if not reading.risen:
        return ""
    said = [
        f"{each.name} (since the rise mean loss {format_figure(each.mean or 0.0)} from "
        f"{format_count(each.n_rows, 'label')}, in order up to {format_figure(each.limit or 0.0)}; "
        f"{_say_share(reading.shares[each.name][0])} of the rows)"
        for each in reading.risen[:MOST_NAMED]
    ]
    more = f" and {len(reading.risen) - MOST_NAMED} more" if len(reading.risen) > MOST_NAMED else ""
    return f"The risk has risen in {'; '.join(said)}{more}. That of all rows together has not."


def find_places(reading: SlicesReading) -> list[dict[str, Any]]:
    """Return the risen slices that carry clearly more of the rise than of the rows, the heaviest first."""
    return [
        {"slice": each.name, "share_of_rows": of_rows, "share_of_rise": of_rise}
        for each in reading.risen
        for of_rows, of_rise in (reading.shares[each.name],)
        if of_rise >= LEAST_LIFT * of_rows
    ]


def tell_places(reading: SlicesReading) -> str:
    """Say where a rise of all rows lies; "" where no slices are watched."""
    places = find_places(reading)[:MOST_NAMED]
    if not places:
        return "No declared slice stands out in it." if reading.watched else ""
    said = [
        f"{place['slice']} ({_say_share(place['share_of_rows'])} of the rows, {_say_share(place['share_of_rise'])} of "
        "the rise)"
        for place in places
    ]
    return f"It lies in {'; '.join(said)}."


def _say_share(share: float) -> str:
    return f"{100 * share:.0f} %"


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceRows:
    """The judged rows of one declared entry, and what its slices are held against."""

    parts: Parts
    references: tuple[SliceReference, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceWatch:
    """Judged rows, in the order in which their labels fell due, and the terms by which slices are watched.

    Attributes:
        losses: within [low, high], shape (n_rows,).
        days: day of each row, never falling, shape (n_rows,).
        entries: one for each declared entry.
        tolerance: how much more than its bound a slice may lose, in the unit of the loss.
        low: smallest possible loss.
        high: largest possible loss.
        run_length_days: average number of days to the first false alarm of any slice.
    """

    losses: Floats
    days: Integers
    entries: tuple[SliceRows, ...]
    tolerance: float
    low: float
    high: float
    run_length_days: float

    def follow(self) -> dict[str, tuple[Alarm, ...]]:
        """Return the alarms of each slice that is watched, by name."""
        named = [reference.name for entry in self.entries for reference in _list_watched(entry)]
        courses = [course for entry in self.entries for course in self._follow_entry(entry)]
        return {name: tuple(course.alarms) for name, course in zip(named, courses, strict=True)}

    def read(self) -> SlicesReading:
        """Return how each slice stands, those included that cannot be watched or had no row to be judged by."""
        slices: list[SliceReading] = []
        shares: dict[str, tuple[float, float]] = {}
        for entry in self.entries:
            courses = self._follow_entry(entry)
            watched = {r.part: course for r, course in zip(_list_watched(entry), courses, strict=True)}
            for reference in _list_all(entry):
                mine = entry.parts.codes == reference.part
                reading = self._read_slice(reference, watched.get(reference.part), mine)
                slices.append(reading)
                if reading.risen_since is not None:
                    shares[reading.name] = self._share_rise(entry, reference, since=reading.risen_since)
        return SlicesReading(slices=tuple(slices), shares=shares)

    def _count_watched(self) -> int:
        return sum(len(_list_watched(entry)) for entry in self.entries)

    def _limit(self, reference: SliceReference) -> float:
        assert reference.upper is not None, "a slice without a bound is not watched"
        return choose_limit(reference.upper + self.tolerance, low=self.low, high=self.high)

    def _follow_entry(self, entry: SliceRows) -> tuple[Course, ...]:
        watched = _list_watched(entry)
        if not watched:
            return ()
        places = np.full(max(len(entry.parts.names), 1), -1, dtype=np.int64)
        places[[reference.part for reference in watched]] = np.arange(len(watched))
        return follow_alarms(
            self.losses,
            days=self.days,
            members=places[entry.parts.codes],
            limits=np.array([self._limit(reference) for reference in watched]),
            low=self.low,
            high=self.high,
            design_effects=np.array([reference.design_effect for reference in watched]),
            run_length_days=self.run_length_days * self._count_watched(),
        )

    def _read_slice(self, reference: SliceReference, course: Course | None, mine: NDArray[np.bool_]) -> SliceReading:
        reading = SliceReading(
            name=reference.name,
            reference_rows=reference.n_rows,
            reference_mean=reference.mean if reference.n_rows else None,
            n_rows=int(mine.sum()),
            mean=float(self.losses[mine].mean()) if mine.any() else None,
            n_needed=reference.n_needed if course is None else None,
        )
        if course is None:
            return reading
        limit, since, calm = self._limit(reference), None, None
        if course.begins_after is not None:
            mine = mine & (self.days > course.begins_after)
        if course.standing is not None:
            since = find_rise(self.losses[mine], days=self.days[mine], limit=limit, low=self.low)
            mine = mine & (self.days >= since)
            calm = find_calm(self.losses[mine], days=self.days[mine], limit=limit, high=self.high)
        threshold = float(np.log(self.run_length_days * self._count_watched()))
        return replace(
            reading,
            n_rows=int(mine.sum()),
            mean=float(self.losses[mine].mean()) if mine.any() else None,
            limit=limit,
            has_risen=course.standing is not None,
            alarmed_on=None if course.standing is None else course.standing.opened_on,
            risen_since=since,
            calm_since=calm,
            calm_mean=None if calm is None else float(self.losses[mine & (self.days >= calm)].mean()),
            ended_on=course.begins_after if course.standing is None else None,
            share_of_threshold=float(np.clip(course.log_evidence / threshold, 0, 1)) if mine.any() else 0.0,
        )

    def _share_rise(self, entry: SliceRows, reference: SliceReference, *, since: int) -> tuple[float, float]:
        usual = np.full(len(entry.parts.names), np.nan)
        usual[[each.part for each in entry.references]] = [each.mean for each in entry.references]
        recent = self.days >= since
        codes = entry.parts.codes[recent]
        more = np.nan_to_num(self.losses[recent] - usual[codes])
        mine, total = codes == reference.part, float(more.sum())
        share = float(more[mine].sum()) / total if total > 0 else 1.0
        return float(mine.mean()), float(np.clip(share, 0, 1))


def _list_watched(entry: SliceRows) -> list[SliceReference]:
    return [reference for reference in entry.references if reference.upper is not None]


def _list_all(entry: SliceRows) -> list[SliceReference]:
    """Return the references of an entry, and empty ones for the parts that came only later."""
    known = {reference.part for reference in entry.references}
    later = [part for part in np.unique(entry.parts.codes).tolist() if part not in known]
    return [
        *entry.references,
        *(
            SliceReference(part=part, name=entry.parts.names[part], n_rows=0, n_needed=LEAST_ROWS, mean=0.0)
            for part in later
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class SliceAlarm:
    """A span in which slices had risen while all rows had not: raised and ended with the days named (None: stands)."""

    opened_on: int
    names: tuple[str, ...]
    closed_on: int | None = None


def merge_alarms(whole: Sequence[Alarm], slices: Mapping[str, Sequence[Alarm]]) -> tuple[SliceAlarm, ...]:
    """Return the alarms of slices as a person would have met them: one at a time, and none beside one of all rows.

    An alarm names the slices that had risen on its first day. It ends when none of them is left, when all rows have
    risen, or when another slice has: the next one names them all.
    """
    days = {day for alarms in (whole, *slices.values()) for a in alarms for day in (a.opened_on, a.closed_on)}
    found: list[SliceAlarm] = []
    for day in sorted(day for day in days if day is not None):
        now = () if _stands(whole, day) else tuple(name for name, alarms in slices.items() if _stands(alarms, day))
        last = found[-1] if found and found[-1].closed_on is None else None
        if last is not None and not (now and set(now) <= set(last.names)):
            found[-1] = replace(last, closed_on=day)
            last = None
        if now and last is None:
            found.append(SliceAlarm(opened_on=day, names=now))
    return tuple(found)


def _stands(alarms: Sequence[Alarm], day: int) -> bool:
    return any(a.opened_on <= day and (a.closed_on is None or day < a.closed_on) for a in alarms)
