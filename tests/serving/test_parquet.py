"""Parquet bodies: what their columns become, and files that lie about themselves."""

import asyncio
import contextlib
import io
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import polars as pl
import pytest

from holdtrue.serving.answer.patience import Patience
from holdtrue.serving.request.parquet import MOST_ROWS
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.wire.parquet_desk import ParquetDesk
from serving.flights import ROW


def write(frame, **options):
    file = io.BytesIO()
    frame.write_parquet(file, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def read():
    """Read bodies with one child, as a worker does."""
    with asyncio.Runner() as runner:
        desk = ParquetDesk(memory_bytes=256 << 20)
        yield lambda body, **patience: runner.run(desk.read(body, Patience(**patience)))
        runner.run(desk.close())


def test_a_body_that_is_not_read_in_its_time_is_refused_and_the_next_one_is_read(read):
    body = write(pl.DataFrame({"x": [1.0]}))
    with pytest.raises(Refused) as caught:
        read(body, timeout_seconds=0.0001)
    assert caught.value.code is Code.DEADLINE_PASSED
    assert read(body, timeout_seconds=30)[0].fields == {"x": 1.0}


def refuse(read, body):
    with pytest.raises(Refused) as caught:
        read(body)
    return caught.value.code, caught.value.path


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "lz4", "uncompressed"])
def test_columns_become_what_json_would_say(read, compression):
    frame = pl.DataFrame(
        {
            "number": [0.1, None],
            "small": pl.Series([1.5, 2.5], dtype=pl.Float32),
            "whole": [3, None],
            "flag": [True, None],
            "text": ["ü", None],
            "level": pl.Series(["a", "b"], dtype=pl.Categorical),
            "moment": [datetime(2013, 9, 1, 10, tzinfo=UTC), None],
            "day": [date(2013, 9, 1), None],
            "money": [Decimal("1.25"), None],
            "nothing": pl.Series([None, None], dtype=pl.Null),
        }
    )
    first, second = read(write(frame, compression=compression))
    assert first.fields == {
        "number": 0.1,
        "small": 1.5,
        "whole": 3,
        "flag": True,
        "text": "ü",
        "level": "a",
        "moment": "2013-09-01T10:00:00+00:00",
        "day": "2013-09-01",
        "money": 1.25,
        "nothing": None,
    }
    assert second.fields["number"] is None
    assert second.place.field("number") == "$.number[1]"


@pytest.mark.parametrize(
    ("frame", "code", "path"),
    [
        (pl.DataFrame({"a": [1.0, float("nan")]}), Code.NOT_FINITE, "$.a[1]"),
        (pl.DataFrame({"a": [[1.0], [2.0]]}), Code.WRONG_TYPE, "$.a"),
        (pl.DataFrame({"a": [{"b": 1}]}), Code.WRONG_TYPE, "$.a"),
        (pl.DataFrame({"a": [b"x"]}), Code.WRONG_TYPE, "$.a"),
        (pl.DataFrame({"a": []}), Code.EMPTY, "$"),
        (pl.DataFrame({"a": [1] * (MOST_ROWS + 1)}), Code.TOO_LARGE, "$"),
        (pl.DataFrame({"a": ["x" * 200_000] * 100}), Code.TOO_LARGE, "$"),
        (pl.DataFrame({"a": ["x" * 200_000_000]}), Code.MALFORMED, "$"),
    ],
    ids=["nan", "list", "struct", "bytes", "empty", "rows", "texts", "bomb"],
)
def test_a_table_that_can_be_no_rows_is_refused_with_its_place(read, frame, code, path):
    body = write(frame, statistics=False, compression_level=1)
    assert len(body) < 1 << 20
    assert refuse(read, body) == (code, path)
    assert len(read(write(pl.DataFrame({"a": [1]})))) == 1


def test_no_mutant_of_a_file_harms_the_reader(read):
    dice = random.Random(7)
    good = [write(pl.DataFrame({**ROW, "late": True}), compression=kind) for kind in ("zstd", "snappy", "uncompressed")]
    for _ in range(60):
        body = bytearray(dice.choice(good))
        for _ in range(dice.choice([1, 2, 5])):
            body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
        with contextlib.suppress(Refused):
            read(bytes(body))
    assert len(read(good[0])) == 1


def test_a_worker_answers_parquet_and_never_loads_what_reads_it(live):
    body = write(pl.DataFrame(ROW))
    reply = httpx.post(
        f"http://127.0.0.1:{live.port}/invocations/flights",
        content=body,
        headers={"content-type": "application/x-parquet"},
        timeout=30,
    )
    assert reply.status_code == 200
    (pid,) = live.workers.pids
    loaded = Path(f"/proc/{pid}/maps").read_text()
    assert "numpy" in loaded
    assert "polars" not in loaded
