import re
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from holdtrue.domain import digest_of, step
from holdtrue.environments import InlineEnvironment, Progress
from holdtrue.errors import ColumnMissing, DeclarationError
from holdtrue.pipeline import Cache, Input, MemoryCache, StepCache, run_steps
from holdtrue.store import Store

CALLS: list[str] = []
SHIFT = 1


def load(rows: list[int]) -> list[int]:
    CALLS.append("load")
    return [row + SHIFT for row in rows]


def fit(load: list[int], rate: float) -> bytes:
    CALLS.append("fit")
    return bytes(int(value * rate) for value in load)


def judge(fit: bytes, load: list[int]) -> dict[str, Any]:
    CALLS.append("judge")
    return {"size": len(fit), "models": [fit, b"other"], "first": load[0], "nothing": None}


@pytest.fixture(params=["memory", "store"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    CALLS.clear()
    if request.param == "memory":
        yield MemoryCache()
        return
    with Store.open(tmp_path / ".holdtrue") as store:
        yield StepCache(store)


def run(cache: Cache, *, rows: object = (1, 2), rate: float = 2.0, steps: Any = (judge, fit, load)) -> Any:
    # CALLS is a constant that the steps reach: it must look the same at every run.
    CALLS.clear()
    return run_steps(steps, inputs={"rows": rows}, parameters={"rate": rate}, cache=cache)


def test_names_of_arguments_join_the_steps(cache: Cache) -> None:
    outcome = run(cache)
    assert CALLS == ["load", "fit", "judge"]
    assert outcome.values["load"] == [2, 3]
    assert outcome.values["fit"] == bytes([4, 6])
    assert outcome.values["judge"] == {"size": 2, "models": [bytes([4, 6]), b"other"], "first": 2, "nothing": None}
    assert [record.name for record in outcome.records] == ["load", "fit", "judge"]
    assert not any(record.is_cached for record in outcome.records)


def test_nothing_runs_twice(cache: Cache) -> None:
    first = run(cache)
    second = run(cache)
    assert CALLS == []
    assert second.values == first.values
    assert all(record.is_cached for record in second.records)
    assert [(r.key, r.output) for r in second.records] == [(r.key, r.output) for r in first.records]


def test_the_output_of_bytes_is_the_digest_of_the_artifact(cache: Cache) -> None:
    digest = run(cache).records[1].output
    assert cache.get_bytes(digest) == bytes([4, 6])


def test_a_parameter_runs_only_what_takes_it_and_what_follows(cache: Cache) -> None:
    run(cache)
    run(cache, rate=3.0)
    assert CALLS == ["fit", "judge"]


def test_a_byte_of_data_runs_it_all(cache: Cache) -> None:
    run(cache)
    run(cache, rows=[1, 3])
    assert CALLS == ["load", "fit", "judge"]


def test_a_step_whose_output_stays_the_same_does_not_run_those_after_it(cache: Cache) -> None:
    def clip(rows: list[int]) -> list[int]:
        return [min(row, 2) for row in rows]

    def after(clip: list[int]) -> int:
        return sum(clip)

    first = run(cache, rows=[1, 2], steps=[clip, after])
    second = run(cache, rows=[1, 9], steps=[clip, after])
    assert [record.is_cached for record in second.records] == [False, True]
    assert first.values["after"] == second.values["after"]


def test_a_changed_constant_runs_the_step_again(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    run(cache)
    monkeypatch.setattr(sys.modules[__name__], "SHIFT", 5)
    assert run(cache).values["load"] == [6, 7]


def test_inputs_in_memory_count_by_their_digest(cache: Cache) -> None:
    def read(data: object, schema: object) -> str:
        return type(data).__name__

    def keys(data: bytes, schema: list[str]) -> list[str]:
        given = {
            "data": Input(value=object(), digest=digest_of(data.hex())),
            "schema": Input(value={1}, digest=digest_of(schema)),
        }
        return [record.key for record in run_steps([read], inputs=given, cache=cache).records]

    assert keys(b"ab", ["x"]) == keys(b"ab", ["x"])
    assert keys(b"ab", ["x"]) != keys(b"ac", ["x"])
    assert keys(b"ab", ["x"]) != keys(b"ab", ["y"])


def test_bytes_are_inputs_too(cache: Cache) -> None:
    def measure(raw: bytes) -> int:
        return len(raw)

    assert run_steps([measure], inputs={"raw": b"abc"}, cache=cache).values == {"measure": 3}


def test_a_step_may_return_nothing_and_is_cached_all_the_same(cache: Cache) -> None:
    def nothing() -> None:
        return None

    assert run_steps([nothing], inputs={}, cache=cache).records[0].is_cached is False
    again = run_steps([nothing], inputs={}, cache=cache)
    assert again.records[0].is_cached is True
    assert again.values == {"nothing": None}


def test_defaults_stand_unless_something_has_the_name(cache: Cache) -> None:
    def power(n: int, exponent: int = 2) -> int:
        return n**exponent

    assert run_steps([power], inputs={"n": 3}, cache=cache).values["power"] == 9
    assert run_steps([power], inputs={"n": 3}, parameters={"exponent": 3}, cache=cache).values["power"] == 27


def test_a_step_that_changes_what_it_got_does_not_change_it_for_others(cache: Cache) -> None:
    def numbers() -> list[int]:
        return [1, 2]

    def spoil(numbers: list[int]) -> int:
        numbers.append(3)
        return len(numbers)

    def count(numbers: list[int], spoil: int) -> int:
        return len(numbers)

    assert run_steps([count, spoil, numbers], inputs={}, cache=cache).values["count"] == 2


def test_tuples_are_lists_for_the_next_step_whether_or_not_it_ran(cache: Cache) -> None:
    def pair() -> tuple[int, int]:
        return 1, 2

    def name_type(pair: object) -> str:
        return type(pair).__name__

    assert run_steps([pair, name_type], inputs={}, cache=cache).values == {"pair": [1, 2], "name_type": "list"}


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1, {2}]}, "step.a[1] holds a builtins.set"),
        ({"a": float("nan")}, "step.a holds the number nan"),
        ({1: 2}, "step holds the key 1"),
        ({"$artifact": "x"}, "step holds the key '$artifact'"),
        (1 << 64, "step holds a number of 65 bits"),
        (object(), "step holds a builtins.object"),
        ("\udcff", "step holds a text that UTF-8 cannot say"),
        ({"a": pl.LazyFrame({"x": [1]})}, "end the step with .collect()"),
        ((i for i in range(3)), "return list(...) of it"),
        (pl.Series("o", [object()]), "step holds a Series that cannot be kept"),
    ],
)
def test_what_cannot_be_kept_is_named_with_its_place(value: object, place: str) -> None:
    def step(given: object) -> object:
        return given

    with pytest.raises(DeclarationError, match=re.escape(place)):
        run_steps([step], inputs={"given": Input(value=value, digest="x")}, cache=MemoryCache())


def test_a_value_that_holds_itself_is_refused() -> None:
    def step() -> object:
        parts: list[object] = []
        parts.append({"again": parts})
        return parts

    with pytest.raises(DeclarationError, match="step holds more than 100 lists and dicts in one another"):
        run_steps([step], inputs={}, cache=MemoryCache())


def test_a_missing_name_is_told_with_the_nearest() -> None:
    def train(datas: object) -> object:
        return datas

    with pytest.raises(DeclarationError, match=r"step train needs datas.*data, other.*write data"):
        run_steps([train], inputs={"data": 1, "other": 2}, cache=MemoryCache())


def test_a_circle_is_told_with_its_steps() -> None:
    def a(c: int) -> int:
        return c

    def b(a: int) -> int:
        return a

    def c(b: int) -> int:
        return b

    with pytest.raises(DeclarationError, match="a -> c -> b -> a"):
        run_steps([a, b, c], inputs={}, cache=MemoryCache())


def test_names_are_for_one_thing_only() -> None:
    def data() -> int:
        return 1

    def other(*rest: int) -> int:
        return len(rest)

    with pytest.raises(DeclarationError, match="data is a step and an input"):
        run_steps([data], inputs={"data": 1}, cache=MemoryCache())
    with pytest.raises(DeclarationError, match="x is an input and a parameter"):
        run_steps([data], inputs={"x": 1}, parameters={"x": 1}, cache=MemoryCache())
    with pytest.raises(DeclarationError, match="two steps are called data"):
        run_steps([data, data], inputs={}, cache=MemoryCache())
    with pytest.raises(DeclarationError, match=r"takes \*rest"):
        run_steps([other], inputs={}, cache=MemoryCache())
    with pytest.raises(DeclarationError, match="no name of its own"):
        run_steps([lambda: 1], inputs={}, cache=MemoryCache())


def test_what_ran_before_a_failure_is_not_run_again(cache: Cache) -> None:
    def broken(load: list[int]) -> int:
        raise ValueError("no fit")

    with pytest.raises(ValueError, match="no fit") as caught:
        run(cache, steps=[broken, load])
    assert caught.value.__notes__ == ["This was raised in the step broken."]
    assert run(cache, steps=[load]).records[0].is_cached


def test_errors_of_holdtrue_pass_as_they_are(cache: Cache) -> None:
    def broken() -> int:
        raise ColumnMissing("the column late is not there")

    with pytest.raises(ColumnMissing):
        run_steps([broken], inputs={}, cache=cache)


def test_an_output_whose_artifact_is_gone_is_computed_again(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        outcome = run(StepCache(store))
        store.artifacts.path(outcome.records[1].output).unlink()
        again = run(StepCache(store))
        assert CALLS == ["fit"]
        assert again.values == outcome.values


def test_of_two_runs_at_once_the_first_output_counts_for_both(tmp_path: Path) -> None:
    def draw() -> str:
        time.sleep(0.05)
        return str(threading.get_ident())

    with Store.open(tmp_path) as store:
        drawn: list[str] = []

        def run_once() -> None:
            drawn.append(run_steps([draw], inputs={}, cache=StepCache(store)).values["draw"])

        threads = [threading.Thread(target=run_once) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(set(drawn)) == 1


def test_a_long_chain_runs() -> None:
    namespace: dict[str, Callable[..., Any]] = {}
    exec(
        "def s0(): return 0\n" + "".join(f"def s{n}(s{n - 1}): return s{n - 1} + 1\n" for n in range(1, 1500)),
        namespace,
    )
    steps = [namespace[f"s{n}"] for n in reversed(range(1500))]
    assert run_steps(steps, inputs={}, cache=MemoryCache()).values["s1499"] == 1499


def run_in_environment(_: None) -> int:
    return len(run_steps([load], inputs={"rows": [1]}, cache=MemoryCache()).records)


def test_progress_is_told_by_step() -> None:
    told: list[Progress] = []
    InlineEnvironment().submit(f"{__name__}:run_in_environment", None, on_progress=told.append).result()
    assert told == [Progress(done=0, total=1, text="load"), Progress(done=1, total=1)]


def test_a_step_that_raises_is_begun_again_as_often_as_it_says(cache: Cache) -> None:
    waits: list[float] = []

    @step(retries=2, retry_wait=timedelta(milliseconds=20))
    def flaky(rows: list[int]) -> list[int]:
        waits.append(time.perf_counter())
        rows.append(0)  # what an attempt did to its argument is not seen by the next
        if len(waits) < 3:
            raise OSError("not yet")
        return rows

    outcome = run_steps([flaky], inputs={"rows": [1]}, cache=cache)
    assert outcome.values["flaky"] == [1, 0]
    assert outcome.records[0].n_attempts == 3
    assert waits[1] - waits[0] >= 0.02
    assert waits[2] - waits[1] >= 0.04


def test_the_last_error_of_a_step_says_how_often_it_was_begun(cache: Cache) -> None:
    @step(retries=1, retry_wait="0s")
    def broken() -> None:
        raise OSError("never")

    with pytest.raises(OSError, match="never") as caught:
        run_steps([broken], inputs={}, cache=cache)
    assert caught.value.__notes__ == ["This was raised in the step broken, begun 2 times."]


def test_what_cannot_be_kept_is_not_tried_again(cache: Cache) -> None:
    calls: list[int] = []

    @step(retries=3, retry_wait="0s")
    def strange() -> object:
        calls.append(1)
        return object()

    with pytest.raises(DeclarationError, match=r"strange holds a builtins.object"):
        run_steps([strange], inputs={}, cache=cache)
    assert len(calls) == 1
