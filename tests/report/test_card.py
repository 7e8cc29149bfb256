from holdtrue.domain import Finding
from holdtrue.report.card import _find


def test_a_slice_is_called_by_what_its_interval_says() -> None:
    def find(low: float, high: float, *, is_worse: bool = False) -> Finding:
        return _find({"is_worse": is_worse, "low": low, "high": high})

    assert find(-3.0, -1.0) is Finding.BETTER
    assert find(-3.0, 1.0) is Finding.UNDECIDED
    assert find(1.0, 3.0, is_worse=True) is Finding.WORSE
