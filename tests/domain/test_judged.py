"""Judged columns: what `slices` and `fairness` name of a table that no model may see."""

from holdtrue.domain import Loop, fairness, slices, table


def declare(*checks: object, **parts: object) -> Loop:
    data = table("loans.csv", key="id", time="at", label="paid", label_delay="30d", **parts)
    return Loop("loans", data=data, train=lambda data: None, validate=list(checks))


def test_dropped_columns_that_checks_name_are_judged_each_once() -> None:
    loop = declare(fairness(by=["sex", ("sex", "age")]), slices("branch", "age"), drop=["sex", "age", "note"])
    assert loop.table.judged == ("age", "sex")


def test_what_is_left_out_of_the_features_is_judged_too() -> None:
    assert declare(slices("branch", "size"), features=["size"]).table.judged == ("branch",)


def test_features_parts_of_a_row_and_computed_columns_are_not() -> None:
    assert declare(slices("size", "id", "paid"), drop=["id"]).table.judged == ()
    assert declare(slices()).table.judged == ()


def test_a_computed_column_of_the_name_of_a_dropped_one_is_the_feature() -> None:
    import polars as pl

    data = table("loans.csv", time="at", label="paid", label_delay="30d", drop=["size"])
    computed = {"size": pl.col("length") * 2}
    loop = Loop("loans", data=data, train=lambda data: None, validate=[slices("size")], features=computed)
    assert loop.table.judged == ()
