"""What a step notes and prints is kept with it, also when it comes from the cache; outside of a run it is dropped."""

import io
import logging
import math
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import altair as alt
import polars as pl
import pytest

import holdtrue as ht
from holdtrue.environments import Printed, hearing
from holdtrue.errors import DeclarationError
from holdtrue.pipeline import MemoryCache, StepCache, Trail, run_steps
from holdtrue.pipeline.figure import MOST_BYTES
from holdtrue.pipeline.note import MOST_FIGURES
from holdtrue.store import Store

SVG = "<svg xmlns='http://www.w3.org/2000/svg'/>"


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[StepCache]:
    with Store.open(tmp_path / "store") as store:
        yield StepCache(store)


def count(rows: list[int]) -> int:
    ht.note_metric("rows", len(rows))
    ht.note_metric("loss", math.nan)
    ht.note_parameter("choice", {"depth": 3})
    ht.keep_figure("curve", SVG)
    print("counting", len(rows))
    print("to stderr", file=sys.stderr)
    return len(rows)


def halve(count: int) -> float:
    return count / 2


def test_a_step_keeps_what_it_notes_draws_and_prints(cache: StepCache) -> None:
    trail = Trail()
    run_steps([count, halve], inputs={"rows": [1, 2, 3]}, cache=cache, trail=trail)
    (notes,) = trail.notes.values()
    assert (notes.step, notes.key) == ("count", trail.records[0].key)
    assert notes.metrics == {"rows": 3.0, "loss": None}
    assert notes.parameters == {"choice": {"depth": 3}}
    assert [(figure.name, figure.kind, cache.get_bytes(figure.artifact)) for figure in notes.figures] == [
        ("curve", "svg", SVG.encode())
    ]
    assert notes.log is not None
    assert cache.get_bytes(notes.log).decode() == "counting 3\nto stderr\n"


def test_a_step_from_the_cache_has_the_notes_of_when_it_was_computed(cache: StepCache) -> None:
    first, second = Trail(), Trail()
    run_steps([count], inputs={"rows": [1]}, cache=cache, trail=first)
    run_steps([count], inputs={"rows": [1]}, cache=cache, trail=second)
    assert second.records[0].is_cached
    assert second.notes == first.notes


def test_a_step_that_raises_keeps_what_it_noted_and_printed_before() -> None:
    def fail(rows: list[int]) -> None:
        ht.note_metric("tried", 1)
        print("before")
        raise ValueError("mine")

    trail, cache = Trail(), MemoryCache()
    with pytest.raises(ValueError, match="mine"):
        run_steps([count, fail], inputs={"rows": [1]}, cache=cache, trail=trail)
    assert [record.name for record in trail.records] == ["count"]
    failed = list(trail.notes.values())[-1]
    assert (failed.step, failed.metrics) == ("fail", {"tried": 1.0})
    assert cache.get_bytes(failed.log or "") == b"before\n"


def test_notes_from_a_thread_of_the_step_are_its_own() -> None:
    def fit() -> int:
        def work() -> None:
            ht.note_metric("from a thread", 1)
            print("in a thread")

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return 1

    trail = Trail()
    run_steps([fit], inputs={}, cache=MemoryCache(), trail=trail)
    (notes,) = trail.notes.values()
    assert notes.metrics == {"from a thread": 1.0}
    assert notes.n_printed == len("in a thread\n")


def test_a_step_that_notes_and_prints_nothing_leaves_nothing() -> None:
    trail = Trail()
    run_steps([halve], inputs={"count": 2}, cache=MemoryCache(), trail=trail)
    assert trail.notes == {}


def test_outside_of_a_run_the_calls_do_nothing() -> None:
    assert count([1, 2]) == 2


@pytest.mark.parametrize("given", ["a text", None, [1.0]], ids=["text", "none", "list"])
def test_a_metric_that_is_no_number_is_refused_everywhere(given: object) -> None:
    with pytest.raises(DeclarationError, match="the metric auc is a"):
        ht.note_metric("auc", given)  # type: ignore[arg-type]


def test_names_and_parameters_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(DeclarationError, match="a metric is called ''"):
        ht.note_metric("", 1)
    with pytest.raises(DeclarationError, match="the parameter depth is a set"):
        ht.note_parameter("depth", {1})
    with pytest.raises(DeclarationError, match="10,000 at most"):
        ht.note_parameter("depth", "x" * 20_000)
    with pytest.raises(DeclarationError, match="a metric is called"):
        ht.note_metric("caf\udce9", 1)
    with pytest.raises(DeclarationError, match="the parameter depth is a str"):
        ht.note_parameter("depth", "caf\udce9")


def test_a_number_beyond_all_floats_is_kept_as_missing(cache: StepCache) -> None:
    def measure() -> None:
        ht.note_metric("rows", 10**400)

    trail = Trail()
    run_steps([measure], inputs={}, cache=cache, trail=trail)
    assert [notes.metrics for notes in trail.notes.values()] == [{"rows": None}]


def test_a_chart_is_drawn_to_svg_and_other_pictures_are_known_by_their_bytes() -> None:
    chart = alt.Chart(pl.DataFrame({"x": [1, 2], "y": [3, 4]})).mark_line().encode(x="x", y="y")

    class Plot:
        def savefig(self, file: io.BytesIO, *, format: str) -> None:
            file.write(b"\x89PNG\r\n\x1a\n" + format.encode())

    def draw() -> None:
        for name, picture in {"a": chart, "b": Plot(), "c": "<html></html>", "d": SVG.encode()}.items():
            ht.keep_figure(name, picture)

    trail, cache = Trail(), MemoryCache()
    run_steps([draw], inputs={}, cache=cache, trail=trail)
    (notes,) = trail.notes.values()
    assert [figure.kind for figure in notes.figures] == ["svg", "png", "html", "svg"]
    assert b"<svg" in cache.get_bytes(notes.figures[0].artifact)


@pytest.mark.parametrize(
    "picture", [b"PK\x03\x04", 3, "<p>" + "x" * MOST_BYTES, "<svg>\udce9</svg>"], ids=["zip", "number", "large", "half"]
)
def test_what_is_no_picture_or_too_large_is_refused(picture: object) -> None:
    with pytest.raises(DeclarationError, match="the figure curve"):
        ht.keep_figure("curve", picture)


def test_figures_beyond_the_bound_are_dropped_and_end_no_training() -> None:
    def draw() -> None:
        for number in range(MOST_FIGURES + 5):
            ht.keep_figure(f"{number:03}", SVG)

    trail = Trail()
    run_steps([draw], inputs={}, cache=MemoryCache(), trail=trail)
    (notes,) = trail.notes.values()
    assert len(notes.figures) == MOST_FIGURES


def test_of_a_gigabyte_that_is_printed_the_first_and_the_last_are_kept() -> None:
    printed = Printed()
    printed.append("begin\n")
    piece = "x" * (1 << 20)
    for _ in range(1024):
        printed.append(piece)
    printed.append("\nend")
    text = printed.text
    assert text.startswith("begin\n")
    assert text.endswith("\nend")
    assert "of 1,073,741,834 characters were left out" in text
    assert len(text) < 70_000


def test_the_streams_are_what_they_were_after_a_step_and_logging_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    with hearing() as printed:
        print("loud")
        logging.getLogger("mine").warning("careful")
    assert sys.stdout is before
    assert "loud" in printed.text
    assert capsys.readouterr().out == "loud\n"
