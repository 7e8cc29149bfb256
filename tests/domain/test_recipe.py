"""What steps a loop may declare, and what is said of those that do not fit together."""

import functools

import pytest

import holdtrue as ht
from holdtrue.domain import Loop, StepOptions, read_step
from holdtrue.errors import DeclarationError

TABLE = ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="12h")


def load(data: object) -> object:
    return data


def scale(load: object, factor: float = 1.0) -> object:
    return load


def fit(scale: object, depth: int) -> object:
    return scale


def lonely(data: object) -> object:
    return data


def lost(laod: object) -> object:
    return laod


def turn(wheel: object) -> object:
    return wheel


def wheel(turn: object) -> object:
    return turn


def make_loop(*steps: object, **parameters: object) -> Loop:
    return Loop("machines", data=TABLE, pipeline=steps, parameters=parameters)  # type: ignore[arg-type]


def test_steps_are_ordered_by_what_they_take() -> None:
    recipe = make_loop(fit, load, scale, depth=3).recipe
    assert [step.name for step in recipe.steps] == ["load", "scale", "fit"]
    assert recipe.end.name == "fit"


def test_train_alone_is_a_pipeline_of_one_step_whatever_its_argument_is_called() -> None:
    def train(rows: object, depth: int = 2) -> object:
        return (rows, depth)

    plain = Loop("machines", data=TABLE, train=train).recipe
    assert plain.is_plain
    assert plain.end.call({"data": "rows"}) == ("rows", 2)
    told = Loop("machines", data=TABLE, train=train, parameters={"depth": 5}).recipe
    assert not told.is_plain
    assert told.end.call({"data": "rows", "depth": 5}) == ("rows", 5)


def test_a_train_without_a_name_is_called_train() -> None:
    assert Loop("machines", data=TABLE, train=lambda rows: rows).recipe.end.name == "train"
    assert Loop("machines", data=TABLE, train=functools.partial(scale, factor=2)).recipe.is_plain


@pytest.mark.parametrize(
    ("steps", "parameters", "message"),
    [
        ((load, lost), {}, "the step lost needs laod.*write load"),
        ((turn, wheel), {}, "steps wait for each other: turn -> wheel -> turn"),
        ((load, lonely), {}, "2 steps are taken by no other: load, lonely"),
        ((), {}, "0 steps are taken by no other: none"),
        ((load, load), {}, "two steps are called load"),
        ((load, scale, fit), {}, "the step fit needs depth"),
        ((load, scale, fit), {"depth": 1, "load": 2}, "load is a step and an input or parameter"),
        ((load,), {"dept": 1}, "no step takes the parameter dept"),
        ((load, scale, fit), {"depth": {1}}, "the parameter depth is a set"),
        ((load, scale, fit), {"depth": float("nan")}, "the parameter depth is a float"),
        ((load, 3), {}, "the step 3 is not a function"),
        ((lambda data: data,), {}, "the step <lambda> has no name of its own"),
    ],
)
def test_what_does_not_fit_together_is_a_mistake_of_the_declaration(
    steps: tuple[object, ...], parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        make_loop(*steps, **parameters)


def test_a_loop_has_train_or_a_pipeline_and_not_both() -> None:
    with pytest.raises(DeclarationError, match="declares train= and pipeline="):
        Loop("machines", data=TABLE, train=load, pipeline=[load])
    with pytest.raises(DeclarationError, match="declares parameters= and no steps"):
        Loop("machines", data=TABLE, parameters={"depth": 1})
    log = ht.predictions("log.parquet", prediction="p", label="y", time="at", label_delay="1d")
    with pytest.raises(DeclarationError, match="pipeline= and data=predictions"):
        Loop("machines", data=log, pipeline=[load])
    with pytest.raises(DeclarationError, match="pipeline='load'"):
        Loop("machines", data=TABLE, pipeline="load")  # type: ignore[arg-type]


def test_train_may_ask_for_nothing_that_is_not_there() -> None:
    with pytest.raises(DeclarationError, match=r"fit takes depth beside the dataset.*parameters="):
        Loop("machines", data=TABLE, train=fit)


def test_a_loop_with_parameters_can_be_hashed_still() -> None:
    assert isinstance(hash(make_loop(load, scale, fit, depth=3)), int)


def test_a_marked_step_is_called_as_any_other_function() -> None:
    @ht.step(retries=3, retry_wait="2s", timeout="5m", memory="1.5GB", version=2)
    def double(n: int) -> int:
        return 2 * n

    assert double(4) == 8
    assert read_step(double).options == StepOptions(
        retries=3, retry_wait_seconds=2, timeout_seconds=300, memory_bytes=1_500_000_000, version=2
    )


def test_options_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(DeclarationError, match="retries=-1"):
        ht.step(retries=-1)
    with pytest.raises(DeclarationError, match="timeout leaves a step nothing"):
        ht.step(timeout="0s")
    with pytest.raises(DeclarationError, match="the span 'soon' cannot be read"):
        ht.step(timeout="soon")
