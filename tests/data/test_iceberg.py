"""Tables of Iceberg: one snapshot, whole, as the catalog names it; and what is not there is named."""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from holdtrue.data import load_snapshot, print_table, read_history, take_snapshot
from holdtrue.domain import Table, table
from holdtrue.errors import ColumnMissing, DeclarationError, SourceError, SourceMissing
from holdtrue.store import Store

pytest.importorskip("pyiceberg")
START = datetime(2024, 1, 1, tzinfo=UTC)
URL = "iceberg://here/sales.trips"


def make_rows(first: int, n_rows: int = 10) -> pl.DataFrame:
    ids = list(range(first, first + n_rows))
    at = [START + timedelta(days=i) for i in ids]
    colours = ["red" if i % 3 else "green" for i in ids]
    return pl.DataFrame(
        {"id": ids, "at": at, "x": [i / 2 for i in ids], "colour": colours, "late": [i % 2 == 0 for i in ids]}
    )


def declare(url: str = URL, **parts: Any) -> Table:
    return table(url, key="id", time="at", label="late", label_delay="1d", **parts)


@pytest.fixture
def trips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A table of ten rows in a catalog of SQLite."""
    from pyiceberg.catalog import load_catalog
    from pyiceberg.utils.config import Config

    for name, value in {
        "TYPE": "sql",
        "URI": f"sqlite:///{tmp_path}/catalog.db",
        "WAREHOUSE": f"file://{tmp_path}",
    }.items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__HERE__{name}", value)
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())  # it reads the environment once
    catalog = load_catalog("here")
    catalog.create_namespace("sales")
    rows = make_rows(0).to_arrow(compat_level=pl.CompatLevel.oldest())
    made = catalog.create_table("sales.trips", schema=rows.schema)
    made.append(rows)
    yield made
    catalog.close()


def append(trips: Any, rows: pl.DataFrame) -> None:
    trips.append(rows.to_arrow(compat_level=pl.CompatLevel.oldest()))


def test_a_table_is_read_at_the_current_snapshot_of_its_catalog(trips: Any, tmp_path: Path) -> None:
    before = print_table(declare(), folder=tmp_path)
    assert print_table(declare(), folder=tmp_path) == before
    append(trips, make_rows(10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trips.delete("id < 5")
    assert print_table(declare(), folder=tmp_path) != before
    history = read_history(declare(drop=["x"]), folder=tmp_path)
    assert history.frame["__key"].to_list() == [str(i) for i in range(5, 20)]
    assert history.feature_names == ("colour",)
    assert history.source == f"{URL} at version {trips.refresh().current_snapshot().snapshot_id}"
    assert read_history(declare(features=["x"]), folder=tmp_path).feature_names == ("x",)


def test_a_snapshot_is_referred_to_and_read_again_until_it_expires(trips: Any, tmp_path: Path) -> None:
    history, first = read_history(declare(), folder=tmp_path), trips.current_snapshot().snapshot_id
    with Store.open(tmp_path / ".holdtrue") as store:
        record = take_snapshot(store, "a", history, as_of=START + timedelta(days=7))
        append(trips, make_rows(10))
        again = load_snapshot(store, record, "a")
        assert again.frame["__key"].to_list() == [str(i) for i in range(8)]
        assert again.frame["__label"].null_count() == 1
        trips.maintenance.expire_snapshots().by_id(first).commit()
        with pytest.raises(SourceMissing, match=f"snapshot {first} of {URL} is not there, or has expired") as refused:
            load_snapshot(store, record, "a")
        assert "history.expire.max-snapshot-age-ms" in str(refused.value)


def test_what_is_not_there_is_named(trips: Any, tmp_path: Path) -> None:
    with pytest.raises(ColumnMissing, match="'y' is not in"):
        read_history(declare(features=["y"]), folder=tmp_path)
    with pytest.raises(DeclarationError, match="CATALOG/NAMESPACE"):
        read_history(declare("iceberg://here"), folder=tmp_path)
    for url in ("iceberg://here/sales.none", "iceberg://nowhere/sales.trips"):
        with pytest.raises(SourceMissing, match="cannot be read"):
            read_history(declare(url), folder=tmp_path)
    for part in (tmp_path / "sales").rglob("*.parquet"):
        part.unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        read_history(declare(), folder=tmp_path)
    with pytest.raises(SourceError, match="iceberg://CATALOG"):
        read_history(declare("sales/trips"), folder=tmp_path)
