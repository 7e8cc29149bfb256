import re
from collections.abc import Callable
from functools import partial
from math import inf, nan

import pytest

import holdtrue as ht
from holdtrue.errors import DeclarationError

NO_NUMBERS = (nan, inf, -inf, "x", [1], True, 10**400)
# Each takes the number that is tried; the second is one that it must go on taking.
DECLARED: dict[str, tuple[Callable[..., object], float]] = {
    "not_worse margin": (lambda x: ht.not_worse(margin=x), 0),
    "no_leak suspect_share": (lambda x: ht.no_leak(suspect_share=x), 0.9),
    "slices margin": (lambda x: ht.slices("a", margin=x), 0),
    "slices worst": (lambda x: ht.slices("a", worst=x), 1.5),
    "calibrated tolerance": (lambda x: ht.calibrated(tolerance=x), 0.05),
    "fairness tolerance": (lambda x: ht.fairness(by="a", tolerance=x), 0.1),
    "invariant_to tolerance": (lambda x: ht.invariant_to("a", tolerance=x), 0),
    "invariant_to share": (lambda x: ht.invariant_to("a", share=x), 0.1),
    "monotone_in tolerance": (lambda x: ht.monotone_in("a", "increasing", tolerance=x), 0),
    "monotone_in share": (lambda x: ht.monotone_in("a", "increasing", share=x), 0.1),
    "robust_to noise": (lambda x: ht.robust_to(noise=x), 0),
    "robust_to missing": (lambda x: ht.robust_to(missing=x), 0),
    "robust_to share": (lambda x: ht.robust_to(share=x), 2),
    "reproducible tolerance": (lambda x: ht.reproducible(tolerance=x), 0),
    "serves p99_ms": (lambda x: ht.serves(p99_ms=x), 5),
    "serves size_mb": (lambda x: ht.serves(size_mb=x), 5),
    "serves memory_mb": (lambda x: ht.serves(memory_mb=x), 5),
    "serves cold_start_seconds": (lambda x: ht.serves(cold_start_seconds=x), 5),
    "guards max_runs_a_day": (lambda x: ht.guards(max_runs_a_day=x), 1),
    "guards max_minutes_a_day": (lambda x: ht.guards(max_minutes_a_day=x), 0.5),
    "guards max_cost_a_month": (lambda x: ht.guards(max_cost_a_month=x), 0.5),
    "guards min_new_labels": (lambda x: ht.guards(min_new_labels=x), 0),
    "guards max_source_share": (lambda x: ht.guards(max_source_share=x), 0.5),
    "golden floor": (lambda x: ht.golden("g.csv", floor=x), -1),
    "canary shares": (lambda x: ht.canary([x, 1]), 0.5),
    "canary min_rows": (lambda x: ht.canary(min_rows=x), 1),
    "canary min_days": (lambda x: ht.canary(min_days=x), 0),
    "canary shadow_days": (lambda x: ht.canary(shadow_days=x), 0),
    "on_new_data min_rows": (lambda x: ht.on_new_data(min_rows=x), 1),
    "on_risk tolerance": (lambda x: ht.on_risk(tolerance=x), 0),
    "on_risk run_length_days": (lambda x: ht.on_risk(run_length_days=x), 0.5),
    "on_risk cooldown_days": (lambda x: ht.on_risk(cooldown_days=x), 0),
    "money capacity": (lambda x: ht.money({"a": {True: 1}, "b": {True: 0}}, capacity=x), 0.5),
    "money worth": (lambda x: ht.money({"a": {True: x}, "b": {True: 0}}), -1),
}
MAY_BE_BELOW_ZERO = {"golden floor", "money worth"}


@pytest.mark.parametrize("name", DECLARED)
def test_what_is_no_number_is_refused_where_it_is_declared_and_plain_numbers_are_taken(name: str) -> None:
    declare, good = DECLARED[name]
    for wrong in NO_NUMBERS if name in MAY_BE_BELOW_ZERO else (*NO_NUMBERS, -1):
        with pytest.raises(DeclarationError, match="Expected: a"):
            declare(wrong)
    declare(good)


@pytest.mark.parametrize("declare", [partial(ht.canary, min_rows=1.5), partial(ht.on_new_data, min_rows=2.5)])
def test_a_count_of_rows_is_a_whole_number(declare: Callable[[], object]) -> None:
    with pytest.raises(DeclarationError, match="a whole number of at least 1"):
        declare()


def own_check(candidate: ht.Candidate) -> bool:
    return candidate.rows.n_rows > 0


def declare(*checks: object) -> ht.Loop:
    data = ht.table("rows.parquet", key="key", time="at", label="late", label_delay="1d")
    return ht.Loop("a", data=data, validate=list(checks))


def test_checks_of_one_kind_that_ask_different_things_are_taken() -> None:
    assert len(declare(ht.slices(), ht.slices("age"), ht.slices("hour"), ht.invariant_to("age")).checks) == 4


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ht.not_worse(refresh="harmless"), "refresh='harmless'"),
        (lambda: ht.not_worse(recipe=None), "recipe=None"),
        (lambda: ht.no_leak(allow="late"), "allow='late'"),
        (lambda: ht.invariant_to(("a", "b")), "names no column"),
        (lambda: ht.monotone_in("", "increasing"), "names no column"),
        (lambda: ht.canary(0.5), "a list of rising shares"),
        (lambda: ht.slices(("age", "age")), "the same twice"),
        (lambda: ht.slices("age", "hour", "age"), "the same twice"),
        (lambda: ht.slices(("age", "hour"), ("hour", "age")), "the same twice"),
        (lambda: ht.fairness(by=["age", "age"]), "the same twice"),
        (lambda: declare(ht.slices("age"), ht.calibrated(), ht.slices("age")), "twice"),
        (lambda: declare(ht.not_worse(), ht.not_worse(margin=0.1)), "not_worse() twice"),
        (lambda: declare(own_check, own_check), "twice"),
        (lambda: ht.guards(cooldown=12), "12 cannot be read"),
    ],
)
def test_a_text_or_a_list_of_another_form_is_refused_where_it_is_declared(
    make: Callable[[], object], said: str
) -> None:
    with pytest.raises(DeclarationError, match=re.escape(said)):
        make()
