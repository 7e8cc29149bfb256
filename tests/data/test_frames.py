"""Tables that a function gives: whole, or a refusal that says which frame was wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import holdtrue as ht
from holdtrue.data import History, print_table, read_history
from holdtrue.errors import ColumnMissing, DeclarationError, SchemaMismatch, SourceError

START = datetime(2024, 1, 1, tzinfo=UTC)


def make_frame(first: int, **columns: object) -> pl.DataFrame:
    ids = list(range(first, first + 10))
    at = [START + timedelta(days=i) for i in ids]
    frame = pl.DataFrame({"id": ids, "at": at, "x": [i / 2 for i in ids], "late": [i % 2 == 0 for i in ids]})
    return frame.with_columns(pl.lit(value).alias(name) for name, value in columns.items())


def read(*given: object, fails: bool = False) -> History:
    def trips() -> Iterator[object]:
        yield from given
        if fails:
            raise ConnectionError("the line was cut")

    declared = ht.frames(trips, key="id", time="at", label="late", label_delay="1d")
    return read_history(declared, folder=Path())


def test_frames_of_several_kinds_are_one_table() -> None:
    pytest.importorskip("pyarrow")
    history = read(make_frame(0), make_frame(10).lazy(), make_frame(20).to_pandas(), make_frame(30).to_arrow())
    assert history.frame["__key"].to_list() == [str(i) for i in range(40)]
    assert history.source == "frames of trips"
    declared = ht.frames(lambda: [], key="id", time="at", label="late", label_delay="1d")
    assert print_table(declared, folder=Path())[0][0] == "frames of <lambda>"


def test_whole_numbers_and_fractions_are_fractions_and_other_changes_are_refused() -> None:
    assert read(make_frame(0), make_frame(10, x=3)).frame["x"].to_list()[-1] == 3.0
    with pytest.raises(SchemaMismatch, match="'x' is String in frame 2 of frames of trips and Float64 before"):
        read(make_frame(0), make_frame(10, x="3"))
    with pytest.raises(ColumnMissing, match="'x' is not in frame 2"):
        read(make_frame(0), make_frame(10).drop("x"))
    with pytest.raises(ColumnMissing, match="frame 2 of frames of trips has the column 'y'"):
        read(make_frame(0), make_frame(10, y=1))


def test_a_function_that_raises_gives_nothing_or_gives_no_frames_is_refused() -> None:
    with pytest.raises(SourceError, match="frames of trips raised ConnectionError: the line was cut"):
        read(make_frame(0), fails=True)
    with pytest.raises(SourceError, match="gave no frames"):
        read()
    with pytest.raises(SourceError, match="gave a dict"):
        read({"id": [1]})
    with pytest.raises(DeclarationError, match="not given a function"):
        ht.frames("trips", key="id", time="at", label="late", label_delay="1d")  # type: ignore[arg-type]
