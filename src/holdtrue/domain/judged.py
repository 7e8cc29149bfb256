"""Judged columns: those of a table that no model may see, and that its answers are judged by all the same."""

from collections.abc import Sequence
from dataclasses import replace

from holdtrue.domain.check import Fairness, Slices
from holdtrue.domain.source import Table


def settle_judged(table: Table, checks: Sequence[object], *, computed: Sequence[str] = ()) -> Table:
    """Return the table with the columns that `slices` and `fairness` name and that are none of its features.

    Those are named in `drop=`, or left out of `features=`. Parts of a row (its key, time, label) are no such columns.

    >>> from holdtrue.domain.check import fairness
    >>> from holdtrue.domain.source import table
    >>> loans = table("loans.csv", time="at", label="paid", label_delay="30d", drop=["sex"])
    >>> settle_judged(loans, [fairness(by=["sex", "branch"])]).judged
    ('sex',)
    """
    entries = [entry for check in checks if isinstance(check, Slices) for entry in check.columns]
    entries += [entry for check in checks if isinstance(check, Fairness) for entry in check.by]
    parts = {table.key, table.time, table.label, table.label_time, table.unit, table.source, *computed}
    names = dict.fromkeys(name for entry in entries for name in entry if name not in parts)
    return replace(table, judged=tuple(name for name in names if _is_hidden(name, table)))


def _is_hidden(name: str, table: Table) -> bool:
    return name in table.drop or (table.features is not None and name not in table.features)
