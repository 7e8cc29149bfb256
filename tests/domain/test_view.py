import pytest

from holdtrue.domain import LabelCoverage


def test_label_coverage_is_the_share_of_due_labels_that_came() -> None:
    assert LabelCoverage(n_predictions=100, n_due=80, n_labelled=60).share == pytest.approx(0.75)


def test_label_coverage_is_unknown_while_no_label_is_due() -> None:
    assert LabelCoverage(n_predictions=100, n_due=0, n_labelled=0).share is None
