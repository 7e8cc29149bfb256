"""Slicing: how rows are told apart into slices, settled once, and what each slice lost where its version was judged."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ColumnCut:
    """How the values of one column are told apart.

    Attributes:
        column: its name.
        levels: the values that are a part of their own, as texts; missing values and all others are two parts more.
        edges: the upper ends of the parts of a number's range, but for the last; None where levels tell them apart.
        is_number: whether the levels are numbers, which are one however they are written (1 and 1.0).
    """

    column: str
    levels: tuple[str, ...] = ()
    edges: tuple[float, ...] | None = None
    is_number: bool = False


@dataclass(frozen=True, kw_only=True)
class SliceReference:
    """What one slice lost on the rows that its version was judged by.

    Attributes:
        part: its place among the parts of its cut.
        name: what its rows have in common, such as "carrier = UA".
        n_rows: its labelled rows there.
        n_needed: how many it needs to be watched.
        mean: their mean loss.
        upper: the bound that its risk lies below, whatever the number of slices; None with too few rows.
        design_effect: by how much fewer independent rows there are than rows.
    """

    part: int
    name: str
    n_rows: int
    n_needed: int
    mean: float
    upper: float | None = None
    design_effect: float = 1.0


@dataclass(frozen=True, kw_only=True)
class SliceCut:
    """The slices of one declared entry: the cuts of its columns together, and the reference of each that held rows."""

    cuts: tuple[ColumnCut, ...]
    references: tuple[SliceReference, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns whose values tell the slices apart."""
        return tuple(cut.column for cut in self.cuts)


@dataclass(frozen=True, kw_only=True)
class SliceReading:
    """How the risk of one slice stands.

    Attributes:
        name: what its rows have in common.
        n_rows: its labelled rows since the rise if there is one, else since its last alarm ended or the watch began.
        mean: their mean loss; None without rows.
        reference_rows: its rows among those that the version was judged by.
        reference_mean: what it lost there; None where it had no row there.
        limit: the mean loss that is still in order; None where it is not watched.
        n_needed: rows that it lacked to be watched, all told; None where it is watched.
        has_risen: whether its risk has risen.
        alarmed_on: the day (since 1970) on which that was known.
        risen_since: the day on which it probably began.
        calm_since: while its risk has risen, the day from which on it lies in order again; None where it does not.
        calm_mean: its mean loss from that day on.
        ended_on: the day on which evidence ended its last alarm; None while one stands, or where there was none.
        share_of_threshold: how far the evidence has come towards an alert, 0..1.
    """

    name: str
    n_rows: int = 0
    mean: float | None = None
    reference_rows: int = 0
    reference_mean: float | None = None
    limit: float | None = None
    n_needed: int | None = None
    has_risen: bool = False
    alarmed_on: int | None = None
    risen_since: int | None = None
    calm_since: int | None = None
    calm_mean: float | None = None
    ended_on: int | None = None
    share_of_threshold: float = 0.0
