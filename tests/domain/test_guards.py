from datetime import timedelta

import pytest

import holdtrue as ht
from holdtrue.domain import Loop
from holdtrue.errors import DeclarationError


def test_guards_left_alone_ask_for_new_labels_and_nothing_else() -> None:
    declared = ht.guards()
    assert declared.min_new_labels == 20
    assert not declared.has_budget
    assert ht.guards(cooldown="12h", max_runs_a_day=3).cooldown == timedelta(hours=12)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: ht.guards(max_runs_a_day=0), "max_runs_a_day=0"),
        (lambda: ht.guards(max_minutes_a_day=-1), "max_minutes_a_day"),
        (lambda: ht.guards(max_cost_a_month=5, core_hour_price=0.5), r"core_hour = 0.5 under \[tool.holdtrue.cost\]"),
        (lambda: ht.guards(min_new_labels=-1), "min_new_labels"),
        (lambda: ht.guards(max_source_share=1.5), "max_source_share"),
        (lambda: ht.guards(cooldown="soon"), "cannot be read"),
        (lambda: ht.guards(golden="golden.parquet"), "golden="),  # type: ignore[arg-type]
        (lambda: ht.golden("golden.parquet", floor=1.0), "below 1"),
        (lambda: ht.golden("golden/*.parquet", floor=0.1), "pattern"),
        (lambda: declare(ht.guards(max_source_share=0.5)), "without a source"),
        (lambda: declare("none"), "guards="),
        (lambda: ht.table("r.csv", key="k", time="t", label="l", label_delay="1d", source="l"), "another part"),
    ],
)
def test_a_guard_that_makes_no_sense_is_refused_when_it_is_declared(make: object, match: str) -> None:
    with pytest.raises(DeclarationError, match=match):
        make()  # type: ignore[operator]


def declare(guards: object) -> Loop:
    data = ht.table("rows.parquet", key="key", time="at", label="late", label_delay="1d")
    return Loop("a", data=data, guards=guards)  # type: ignore[arg-type]
