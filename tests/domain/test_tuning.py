"""What tune= may say, and what it needs beside it."""

from collections.abc import Callable

import pytest

import holdtrue as ht
from holdtrue.domain import Task, Tune
from holdtrue.domain.metric import read_metric
from holdtrue.errors import DeclarationError


def train(data: object, depth: int = 3) -> object:
    return data, depth


def declare(tune: Tune, **parameters: int) -> ht.Loop:
    table = ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="1h")
    return ht.Loop("machines", data=table, train=train, parameters=parameters, tune=tune)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ht.tune({}),
        lambda: ht.tune({"depth": (1, 3)}),  # type: ignore[dict-item]
        lambda: ht.tune({"depth": ht.integers(1, 3)}, n_trials=0),
        lambda: ht.tune({"depth": ht.integers(1, 3)}, seed=-1),
        lambda: ht.tune({"depth": ht.integers(1, 3)}, timeout="soon"),
        lambda: ht.tune({"depth": ht.integers(1, 3)}, metric="acu"),
        lambda: ht.tune({"depth": ht.integers(1, 3)}, metric=train),  # type: ignore[arg-type]
        lambda: ht.highest("auc"),  # type: ignore[arg-type]
        lambda: ht.integers(3, 3),
        lambda: ht.integers(1.5, 3),  # type: ignore[arg-type]
        lambda: ht.between(0, float("inf")),
        lambda: ht.between("0", 1),  # type: ignore[arg-type]
        lambda: ht.log_between(None, 1),  # type: ignore[arg-type]
        lambda: ht.between(False, True),
        lambda: ht.log_between(0, 1),
        lambda: ht.one_of("one"),
    ],
    ids=[
        "empty",
        "pair",
        "no trial",
        "seed",
        "timeout",
        "unknown metric",
        "metric without a direction",
        "name for a function",
        "no width",
        "half",
        "endless",
        "text",
        "nothing",
        "booleans",
        "log of 0",
        "single",
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(DeclarationError, match="Expected"):
        make()


def test_a_range_holds_its_ends_and_nothing_of_another_kind() -> None:
    assert ht.integers(1, 3).holds(3)
    assert not ht.integers(1, 3).holds(2.0)
    assert not ht.between(0, 1).holds(True)
    assert ht.one_of("a", 1).holds(1)
    assert not ht.one_of("a", 1).holds(True)


def test_a_metric_says_which_way_is_better_and_of_which_answers_it_is() -> None:
    ranks = {name: ht.tune({"depth": ht.integers(1, 3)}, metric=name).rank(5.0, 0.7) for name in ("auc", "brier")}
    assert ranks == {"auc": -0.7, "brier": 0.7}
    assert ht.tune({"depth": ht.integers(1, 3)}).rank(5.0, None) == 5.0
    area = read_metric("auc")
    assert area is not None
    area.check_task(Task.MULTICLASS)
    with pytest.raises(DeclarationError, match=r"answers with numbers\. Expected: one of \['mean_absolute_error'"):
        area.check_task(Task.REGRESSION)
    ht.lowest(train).check_task(Task.REGRESSION)


def test_each_tuned_name_needs_a_declared_value_in_its_range() -> None:
    tune = ht.tune({"depth": ht.integers(1, 3)})
    assert declare(tune, depth=2).tune == tune
    with pytest.raises(DeclarationError, match="parameters= does not"):
        declare(tune)
    with pytest.raises(DeclarationError, match="not in"):
        declare(tune, depth=4)


def test_a_loop_that_trains_nothing_has_nothing_to_tune() -> None:
    log = ht.predictions("log.parquet", time="at", prediction="p", label="y", label_delay="1h")
    with pytest.raises(DeclarationError, match="beside train="):
        ht.Loop(
            "m",
            data=log,
            tune=ht.tune({"depth": ht.integers(1, 3)}),
        )


def test_the_order_of_the_ranges_changes_nothing() -> None:
    one, other = ht.integers(1, 3), ht.between(0, 1)
    assert ht.tune({"a": one, "b": other}) == ht.tune({"b": other, "a": one})
    assert hash(ht.tune({"a": one})) == hash(ht.tune({"a": one}))


def test_a_value_that_is_declared_twice_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"one_of\('a', 'a'\).*each value once"):
        ht.one_of("a", "a")
