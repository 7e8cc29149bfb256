import pytest

from holdtrue.domain import Column, Kind, Schema
from holdtrue.rollout import find_skew


def schema(low: float, high: float, *levels: str) -> Schema:
    return Schema(
        columns=(
            Column(name="humid", kind=Kind.NUMBER, low=low, high=high),
            Column(name="code", kind=Kind.TEXT, levels=levels or ("a", "b")),
        )
    )


PERCENT, SHARE = schema(10, 100), schema(0.1, 1.0)
REQUESTS = {"humid": [50.0, 70.0, None] * 100, "code": ["a", "b", None] * 100}


def test_a_unit_that_changed_in_the_table_alone_is_found_without_a_label() -> None:
    skew = find_skew(REQUESTS, challenger=SHARE, champion=PERCENT)
    assert skew is not None
    assert (skew.column, skew.n_strange, skew.n_rows) == ("humid", 200, 200)
    assert "outside 0.1 to 1" in skew.sentence


def test_codes_that_changed_in_the_table_alone_are_found() -> None:
    skew = find_skew(REQUESTS, challenger=schema(10, 100, "A", "B"), champion=PERCENT)
    assert skew is not None
    assert skew.column == "code"


@pytest.mark.parametrize(
    ("requests", "challenger", "champion"),
    [
        (REQUESTS, PERCENT, PERCENT),
        (REQUESTS, SHARE, SHARE),  # as strange to both: a counter that grows, or a new season
        ({"humid": [50.0] * 99}, SHARE, PERCENT),  # too few to say
        ({"humid": [50.0] * 150 + [0.5] * 150}, SHARE, PERCENT),  # half of them are not strange
        (REQUESTS, PERCENT, Schema(columns=())),  # a new feature has nothing to be compared with
    ],
)
def test_nothing_is_said_without_a_reason(requests, challenger: Schema, champion: Schema) -> None:
    assert find_skew(requests, challenger=challenger, champion=champion) is None
