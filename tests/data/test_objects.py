"""Tables in object stores: fetched whole, once, and as they are now."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import polars as pl
import pytest
from obstore.store import S3Store

from holdtrue.data import History, print_table, read_history
from holdtrue.domain import table
from holdtrue.errors import DeclarationError, SourceError, SourceMissing

START = datetime(2024, 1, 1, tzinfo=UTC)


def write_rows(file: Path, first: int) -> None:
    ids = list(range(first, first + 10))
    at = [START + timedelta(days=i) for i in ids]
    file.parent.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame({"id": ids, "at": at, "x": [i / 2 for i in ids], "late": [i % 2 == 0 for i in ids]})
    frame.write_parquet(file)


def read(url: str, folder: Path) -> History:
    return read_history(table(url, key="id", time="at", label="late", label_delay="1d", source="feed"), folder=folder)


def list_mirror(folder: Path) -> dict[str, int]:
    found = (folder / ".holdtrue" / "sources").rglob("*.parquet")
    return {file.name: file.stat().st_ino for file in found}


def test_all_that_is_under_a_folder_is_read_and_what_has_not_changed_is_not_fetched_again(tmp_path: Path) -> None:
    bucket, project = tmp_path / "feed=above" / "bucket", tmp_path / "project"
    write_rows(bucket / "feed=a" / "p.parquet", 0)
    write_rows(bucket / "feed=b" / "q.parquet", 10)
    (bucket / "_SUCCESS").touch()
    url = f"file://{bucket}/"
    history = read(url, project)
    assert history.frame["__source"].to_list() == ["a"] * 10 + ["b"] * 10
    assert history.source == url
    before = list_mirror(project)
    write_rows(bucket / "feed=b" / "q.parquet", 20)
    write_rows(bucket / "feed=c" / "r.parquet", 30)
    assert read(url, project).n_rows == 30
    after = list_mirror(project)
    assert after["p.parquet"] == before["p.parquet"]
    assert after["q.parquet"] != before["q.parquet"]
    (bucket / "feed=a" / "p.parquet").unlink()
    assert read(url, project).frame["__source"].unique().sort().to_list() == ["b", "c"]
    assert print_table(table(url, key="id", time="at", label="late", label_delay="1d"), folder=project)[0][0] == url


def test_one_object_may_be_named(tmp_path: Path) -> None:
    write_rows(tmp_path / "bucket" / "p.parquet", 0)
    write_rows(tmp_path / "bucket" / "q.parquet", 10)
    url = f"file://{tmp_path}/bucket/q.parquet"
    declared = table(url, key="id", time="at", label="late", label_delay="1d")
    assert read_history(declared, folder=tmp_path).frame["__key"].to_list() == [str(i) for i in range(10, 20)]


@pytest.mark.parametrize(
    ("url", "kind", "match"),
    [
        ("ftp://host/rows", DeclarationError, "ftp:// is not known"),
        ("file:///rows/*.parquet", DeclarationError, "is a pattern"),
        ("file://{folder}/none/p.parquet", SourceMissing, "none"),
        ("file://{folder}/empty", SourceMissing, "there is nothing under"),
        ("file://{folder}/lake", SourceError, "Delta Lake"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, url: str, kind: type[Exception], match: str) -> None:
    (tmp_path / "empty").mkdir()
    write_rows(tmp_path / "lake" / "p.parquet", 0)
    (tmp_path / "lake" / "_delta_log").mkdir()
    (tmp_path / "lake" / "_delta_log" / "0.json").write_text("{}")
    with pytest.raises(kind, match=match):
        read(url.format(folder=tmp_path), tmp_path)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    told = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/bucket", method="PUT"), timeout=20).close()
    try:
        yield S3Store("bucket", client_options={"allow_http": True})
    finally:
        server.stop()


def test_s3_gives_the_objects_of_a_bucket_and_says_what_is_not_there(s3: S3Store, tmp_path: Path) -> None:
    for feed, first in (("a", 0), ("b", 10)):
        write_rows(tmp_path / "p.parquet", first)
        obstore.put(s3, f"trips/feed={feed}/p.parquet", (tmp_path / "p.parquet").read_bytes())
    history = read("s3://bucket/trips/", tmp_path)
    assert history.frame["__source"].to_list() == ["a"] * 10 + ["b"] * 10
    with pytest.raises(SourceMissing, match="nothing under"):
        read("s3://bucket/other/", tmp_path)
    with pytest.raises(SourceMissing, match="s3://nowhere/trips"):
        read("s3://nowhere/trips", tmp_path)
    assert "AWS_ENDPOINT_URL" in os.environ
