"""Demands: what validate= and monitor= ask of the rows, held against them before anything is trained."""

from collections.abc import Iterator, Sequence

from holdtrue.data import History, name_nearest
from holdtrue.domain import Check, Fairness, InvariantTo, Loop, MonotoneIn, NoLeak, Slices, Task
from holdtrue.errors import ColumnMissing, DeclarationError
from holdtrue.validation import refuse_rate

from .slices import check_slices


def check_demands(loop: Loop, known: History) -> None:
    """Refuse checks that these rows can never be held to.

    Raises:
        ColumnMissing: one names a column that the rows do not have, or that no answer can depend on.
        DeclarationError: one asks for numbers where there are texts, or for what several classes do not have.
    """
    check_slices(loop.watched_slices, known)
    for check in loop.checks:
        for named, columns in _name_columns(check, loop, known):
            _check_column(named, columns, said=_tell(check))
        _check_kind(check, known)


def _name_columns(check: Check, loop: Loop, known: History) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each column that a check names, with those among which it must be."""
    features = known.feature_names
    if isinstance(check, Slices):
        yield from ((name, (*features, *known.judged_names)) for entry in check.columns for name in entry)
    elif isinstance(check, Fairness):
        yield from ((name, (*features, *known.judged_names)) for entry in check.by for name in entry)
    elif isinstance(check, InvariantTo | MonotoneIn):
        yield check.column, features
    elif isinstance(check, NoLeak):
        # What was dropped after it was allowed gives nothing away.
        yield from ((name, (*features, *loop.table.drop)) for name in check.allow)


def _check_column(name: str, columns: Sequence[str], *, said: str) -> None:
    if name not in columns:
        raise ColumnMissing(
            f"validate= has {said} for {name!r}, which is no column that it can look at",
            expected="a feature; slices and fairness may name other columns of the table, too",
            remedy=name_nearest(name, columns),
        )


def _check_kind(check: Check, known: History) -> None:
    if isinstance(check, Fairness) and (refusal := refuse_rate(check.what, known.task)) is not None:
        raise DeclarationError(f"validate= has fairness(what={check.what.value!r}), and {refusal}")
    if not isinstance(check, MonotoneIn):
        return
    if known.task is Task.MULTICLASS:
        raise DeclarationError(
            f"validate= has {check.name}, and {known.label!r} has {len(known.classes)} classes",
            expected="a number, or two classes: more have no direction",
        )
    dtype = known.frame[check.column].dtype
    if not dtype.is_numeric():
        raise DeclarationError(f"validate= has {check.name}, which is {dtype}", expected="a column of numbers")


def _tell(check: Check) -> str:
    names = {Slices: "slices()", Fairness: "fairness()", NoLeak: "no_leak(allow=)", InvariantTo: "invariant_to()"}
    return names.get(type(check), "monotone_in()")
