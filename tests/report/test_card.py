import pytest

from holdtrue.domain import Column, Finding, Kind
from holdtrue.report.card import _find, _say_values


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (Column(name="age", kind=Kind.INTEGER, low=19.0, high=61.0), "19 to 61"),
        (Column(name="calls", kind=Kind.NUMBER, low=1.0, high=56000.0), "1 to 56,000"),
        (Column(name="rate", kind=Kind.NUMBER, low=0.634, high=5.045), "0.634 to 5.04"),
        (Column(name="rate", kind=Kind.NUMBER), None),
        (Column(name="job", kind=Kind.TEXT, levels=("admin",)), "1 level"),
        (Column(name="job", kind=Kind.TEXT, levels=("admin", "maid")), "2 levels"),
    ],
)
def test_the_values_of_a_column_are_said_with_the_digits_that_they_have(column: Column, said: str | None) -> None:
    assert _say_values(column) == said


def test_a_slice_is_called_by_what_its_interval_says() -> None:
    def find(low: float, high: float, *, is_worse: bool = False) -> Finding:
        return _find({"is_worse": is_worse, "low": low, "high": high})

    assert find(-3.0, -1.0) is Finding.BETTER
    assert find(-3.0, 1.0) is Finding.UNDECIDED
    assert find(1.0, 3.0, is_worse=True) is Finding.WORSE
