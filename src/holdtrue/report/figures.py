"""Figures: the tables of a report, numbers under numbers."""

from dataclasses import dataclass

from holdtrue.domain import BacktestResult, PeriodResult, PolicyResult, Value
from holdtrue.report.words import format_number, format_period, format_share, name_loss, name_metric, name_standard

Cell = str | int | float | None
_MOST_METRICS = 6


@dataclass(frozen=True)
class Figures:
    """A table: `header` names the columns, each row has a cell for each, numbers stand to the right.

    `strong` is the position of the row to read first; None for none.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    strong: int | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"a row has {len(row)} cells under {len(self.header)} headings")

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Say of each column whether it is set as numbers: all but the first, unless it holds words."""
        columns = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.header)
        return tuple(place > 0 and all(_is_figure(cell) for cell in column) for place, column in enumerate(columns))

    def turn(self) -> "Figures":
        """Return the same table on its side, for narrow screens: a row for each column, the first row as headings."""
        columns = tuple(zip(*(self.header, *self.rows), strict=True))
        return Figures(self.caption, tuple(format_cell(cell) for cell in columns[0]), columns[1:])


def format_cell(cell: Cell) -> str:
    """Say a cell: words as they are, numbers formatted, nothing as a dash."""
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else format_number(cell)


def _is_figure(cell: Cell) -> bool:
    return cell is None or not isinstance(cell, str) or cell[:1].isdigit() or cell[:1] in "-–"


def tabulate_policies(result: BacktestResult) -> Figures:
    """Return the policies below each other, over the whole span."""
    loss_name = name_loss(result.policies[0].loss_name) if result.policies else "loss"
    metrics = _list_metrics(result.policies)
    has_value = any(policy.value for policy in result.policies)
    header = ("Policy", loss_name.capitalize(), "95 % interval", *(name_metric(m) for m in metrics))
    header += ("Retrained", "Promoted", "Rejected", *(("Worth",) if has_value else ()))
    rows = tuple(
        (
            policy.policy,
            policy.loss,
            _format_interval(policy.loss_low, policy.loss_high),
            *_pick_metrics(policy, metrics),
            policy.n_retrains,
            policy.n_promotions,
            policy.n_rejected,
            *((_format_value(policy.value),) if has_value else ()),
        )
        for policy in result.policies
    )
    names = [policy.policy for policy in result.policies]
    return Figures("Each policy over the whole span", header, rows, names.index("loop") if "loop" in names else None)


def tabulate_losses(result: BacktestResult) -> Figures:
    """Return the loss of each policy (columns) in each period (rows)."""
    starts = sorted({(p.start, p.end) for policy in result.policies for p in policy.periods})
    losses = [{period.start: period.loss for period in policy.periods} for policy in result.policies]
    rows = tuple((format_period(start, end), *(known.get(start) for known in losses)) for start, end in starts)
    header = ("Period", *(policy.policy for policy in result.policies))
    return Figures(f"Mean {name_loss(result.policies[0].loss_name)} of each policy", header, rows)


def tabulate_periods(policy: PolicyResult) -> Figures:
    """Return everything about one policy, period by period."""
    metrics = _list_metrics([policy], periods=policy.periods)
    has_value = any(period.value for period in policy.periods)
    header = ("Period", "Rows", "Labels", name_loss(policy.loss_name).capitalize(), *(name_metric(m) for m in metrics))
    header += ("Retrained", "Promoted", "Rejected", *(("Worth",) if has_value else ()))
    rows = tuple(
        (
            format_period(period.start, period.end),
            period.n_rows,
            period.n_labelled,
            period.loss,
            *_pick_metrics(period, metrics),
            period.n_retrains,
            period.n_promotions,
            period.n_rejected,
            *((_format_value(period.value),) if has_value else ()),
        )
        for period in policy.periods
    )
    return Figures(f"{policy.policy}, period by period", header, rows)


def tabulate_standards(result: BacktestResult) -> Figures:
    """Return what each standard of the gate ruled on the loop's challengers, and what came of them afterwards."""
    header = ("Standard", "Passed", "Failed", "Not enough data", "The passed, after", "The refused, after")
    rows = tuple(
        (
            name_standard(found.standard),
            found.n_passed,
            found.n_failed,
            found.n_inconclusive,
            found.after_passed,
            found.after_refused,
        )
        for found in result.standards
    )
    caption = "What each standard of the gate rules; after: their mean loss minus the champion's until the next gate"
    return Figures(caption, header, rows)


def _list_metrics(
    policies: "tuple[PolicyResult, ...] | list[PolicyResult]", periods: tuple[PeriodResult, ...] = ()
) -> list[str]:
    loss_names = {policy.loss_name for policy in policies}
    seen = [name for holder in (*policies, *periods) for name in holder.metrics if name not in loss_names]
    # What was only believed stands in a sentence that says so, not among what was measured.
    measured = [name for name in seen if not name.startswith("believed_")]
    return list(dict.fromkeys(measured))[:_MOST_METRICS]


def _pick_metrics(holder: PolicyResult | PeriodResult, metrics: list[str]) -> list[Cell]:
    values = [holder.metrics.get(name) for name in metrics]
    pairs = zip(metrics, values, strict=True)
    return [format_share(v) if v is not None and name.endswith("_share") else v for name, v in pairs]


def _format_interval(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{format_number(low)} – {format_number(high)}"


def _format_value(value: Value | None) -> str | None:
    return None if value is None else f"{format_number(value.amount)} {value.unit}"
