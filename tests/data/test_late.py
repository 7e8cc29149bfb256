"""A column that is known only with the label is gathered from the moment of the label on, and never asked for."""

import io
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import holdtrue as ht
from holdtrue.data import History, derive_history, extend_history, find_refresh, gather_lookup
from holdtrue.data.snapshot import read_snapshot, write_snapshot
from holdtrue.data.table import read_frame
from holdtrue.domain import Past
from holdtrue.errors import ColumnMissing, DeclarationError, SchemaMismatch, SourceError

START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = [("n", 1, 5.0), ("n", 12, -2.0), ("s", 13, 30.0), ("n", 19, 12.0), ("n", 25, None), ("s", 49, 1.0)]
MEAN = ht.history("7d", by="carrier", of="delay").mean()


def make_frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "at": [START + timedelta(hours=hour) for _, hour, _ in ROWS],
            "carrier": [carrier for carrier, _, _ in ROWS],
            "delay": [delay for _, _, delay in ROWS],
            "late": [(delay or 0) > 4 for _, _, delay in ROWS],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )


def make_loop(past: Past = MEAN, *, drop: tuple[str, ...] = ("delay",), features: list[str] | None = None) -> ht.Loop:
    data = ht.table("rows", time="at", label="late", label_delay="6h", drop=drop, features=features)
    return ht.Loop("flights", data=data, features={"usual": past})


def read(loop: ht.Loop, frame: pl.DataFrame | None = None) -> History:
    return read_frame(make_frame() if frame is None else frame, loop.table)


@pytest.mark.parametrize("how", ["dropped", "no feature"])
def test_it_counts_from_the_moment_at_which_the_label_became_known(how: str) -> None:
    loop = make_loop() if how == "dropped" else make_loop(drop=(), features=["carrier"])
    made = derive_history(read(loop), loop)
    # At the refresh before hour 25 the label of hour 19 was not known; a row without a value does not count.
    assert made.frame["usual"].to_list() == [None, None, None, None, 1.5, 30.0]
    assert made.given_names == ("carrier",)
    assert made.schema.names == ("carrier", "usual")
    assert made.dataset().features.columns == ["carrier", "usual"]


def test_a_lookup_holds_what_training_gathers_for_a_row_after_its_refresh() -> None:
    loop = make_loop()
    made = derive_history(read(loop), loop)
    for row in made.frame.iter_rows(named=True):
        refresh = find_refresh(row["__time"], MEAN.every)
        lookup = gather_lookup(MEAN, made.known_at(refresh), refresh=refresh)
        assert lookup.get(f'["{row["carrier"]}"]') == row["usual"]


def test_what_was_known_at_a_moment_and_a_snapshot_of_it_hold_nothing_of_later_labels() -> None:
    loop = make_loop()
    known = read(loop).known_at(START + timedelta(hours=19))
    assert known.frame["__late.delay"].to_list() == [5.0, -2.0, 30.0, None]
    again = read_snapshot(write_snapshot(known))
    assert again.late_names == ("delay",)
    assert again.frame["__late.delay"].to_list() == known.frame["__late.delay"].to_list()
    assert pl.read_parquet(io.BytesIO(write_snapshot(known))).columns == known.frame.columns


def extend(history: History, hours: list[int]) -> History:
    keys = [f"k{hour}" for hour in hours]
    log = pl.DataFrame(
        {
            "key": keys,
            "unit": keys,
            "time": [START + timedelta(hours=hour) for hour in hours],
            "is_first": True,
            "role": "champion",
            "fallback": pl.Series([None] * len(keys), dtype=pl.String),
            "probability": 1.0,
            "features": [{"carrier": "n", "usual": 1.0}] * len(keys),
        },
        schema_overrides={"time": pl.Datetime("us", "UTC")},
    )
    known = [START + timedelta(hours=hour + 6) for hour in hours]
    labels = pl.DataFrame(
        {"key": keys, "label": [True] * len(keys), "known_at": known},
        schema_overrides={"known_at": pl.Datetime("us", "UTC")},
    )
    return extend_history(history, log, labels)


def test_labels_that_come_for_the_log_without_it_are_told_and_refused_where_there_are_no_others() -> None:
    loop = make_loop()
    some = derive_history(extend(read(loop), [60, 70]), loop)
    assert some.frame["usual"].to_list()[-2:] == [pytest.approx(5.0)] * 2
    assert some.notes[-1].startswith("2 labelled rows have no 'delay', which labels sent for the log do not carry")
    with pytest.raises(SourceError, match=r"none of the 2 rows .* has a value of 'delay'.*have the table extended"):
        derive_history(extend(read(loop), [600, 610]), loop)


def test_a_column_that_is_not_there_or_is_no_number_is_refused_by_name() -> None:
    with pytest.raises(ColumnMissing, match="'delay'"):
        read(make_loop(), make_frame().drop("delay"))
    with pytest.raises(SchemaMismatch, match=r"history\(of='delay'\) gathers a column that is String"):
        read(make_loop(), make_frame().with_columns(pl.col("delay").cast(pl.String)))
    loop = make_loop(ht.history("7d", of="dellay").mean())
    with pytest.raises(DeclarationError, match=r"gathers 'dellay'.*stands in drop="):
        derive_history(read(loop), loop)
