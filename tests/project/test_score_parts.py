"""Scoring part by part: killed runs go on, every row is answered and logged once, and none is lost."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import httpx
import msgspec
import numpy as np
import polars as pl
import pytest

from holdtrue.errors import ProjectBusy, SourceError
from holdtrue.project import score_file
from holdtrue.serving import start_workers, write_traffic_file
from holdtrue.testing.world import START
from project.small import LOOP, opened, read_log

N_ROWS = 1_000
N_KILLS = 3


def make_rows(n_rows: int = N_ROWS) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    return pl.DataFrame(
        {
            "event": [f"e{i}" for i in range(n_rows)],
            "at": pl.Series([START] * n_rows, dtype=pl.Datetime("us", "UTC")),
            "heat": rng.normal(size=n_rows),
            "noise": rng.normal(size=n_rows),
            "remark": [f"r{i}" for i in range(n_rows)],
        }
    )


class Stopped(Exception):
    """Ends a run between two parts."""


def stop_after(n_rows: int):
    def tell(n_done: int, _: int) -> None:
        if n_done >= n_rows:
            raise Stopped

    return tell


def score_some(folder: Path, source: Path, target: Path, *, until: int = 300) -> None:
    with opened(folder) as project, pytest.raises(Stopped):
        score_file(project, source, target, part_rows=100, on_progress=stop_after(until))


def test_a_run_that_was_cut_short_goes_on_and_each_row_is_logged_once(trained: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    make_rows().write_parquet(source)
    score_some(trained, source, target)
    assert not target.exists()
    assert len(read_log(trained)) == 300
    with opened(trained) as project:
        scored = score_file(project, source, target, part_rows=100)
    assert (scored.n_rows, scored.n_resumed, scored.note) == (N_ROWS, 300, "")
    out, log = pl.read_parquet(target), read_log(trained)
    assert out["remark"].to_list() == make_rows()["remark"].to_list()
    assert [row.prediction_id for row in log] == out["prediction_id"].to_list()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_rows_that_were_logged_before_a_kill_are_not_logged_again(trained: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    make_rows().write_parquet(source)
    score_some(trained, source, target)
    manifest = target.with_name(".out.parquet.parts") / "manifest.json"
    told = msgspec.json.decode(manifest.read_bytes())
    manifest.write_bytes(msgspec.json.encode({**told, "parts": told["parts"][:2]}))  # killed before it said so
    segment = sorted((trained / ".holdtrue" / "log" / LOOP).glob("batch-*-000002-*.seg"))[0]
    segment.write_bytes(segment.read_bytes()[:-2_000])  # and in the middle of a write
    with opened(trained) as project:
        score_file(project, source, target, part_rows=100)
    counts = Counter(row.prediction_id for row in read_log(trained))
    assert set(counts.values()) == {1}
    assert set(counts) == set(pl.read_parquet(target)["prediction_id"])


def test_an_input_that_changed_is_answered_anew_and_that_is_said(trained: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    make_rows().write_csv(source)
    score_some(trained, source, target)
    make_rows().with_columns(noise=1.0).write_csv(source)
    with opened(trained) as project:
        scored = score_file(project, source, target, part_rows=100)
    assert scored.n_resumed == 0
    assert scored.note == "300 rows of a run that was cut short are answered anew: the input has changed since."
    assert pl.read_csv(target)["noise"].unique().to_list() == [1.0]


def test_another_version_answers_anew_and_that_is_said(rolling: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    make_rows().write_parquet(source)
    with opened(rolling, days=60) as project:
        with pytest.raises(Stopped):
            score_file(project, source, target, part_rows=100, on_progress=stop_after(200))
        project.promote("ordered by the test")
        scored = score_file(project, source, target, part_rows=100)
    assert (scored.version, scored.n_resumed) == ("v2", 0)
    assert "v1 was in charge then, and v2 is now" in scored.note
    assert pl.read_parquet(target)["version"].unique().to_list() == ["v2"]


def test_a_part_that_the_disk_lost_is_answered_again(trained: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    make_rows().write_parquet(source)
    score_some(trained, source, target)
    (target.with_name(".out.parquet.parts") / "part-000001.parquet").write_bytes(b"")
    with opened(trained) as project:
        assert score_file(project, source, target, part_rows=100).n_resumed == 100
    assert pl.read_parquet(target)["event"].to_list() == make_rows()["event"].to_list()
    assert len(read_log(trained)) == N_ROWS


RUN = """
import sys
from pathlib import Path
from holdtrue.project import score_file
from project.small import opened
def tell(n_done, n_rows):
    print(n_done, flush=True)
with opened(Path(sys.argv[1])) as project:
    score_file(project, Path(sys.argv[2]), Path(sys.argv[3]), part_rows=2_000, on_progress=tell)
"""


def test_kills_at_any_moment_lose_and_double_nothing(trained: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    rows = make_rows(40_000)
    rows.write_parquet(source)
    command = [sys.executable, "-c", textwrap.dedent(RUN), str(trained), str(source), str(target)]
    paths = [str(Path(__file__).parents[1]), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    rng, n_kills = np.random.default_rng(3), 0
    while not target.exists():
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as run:
            run.stdout.readline()
            if n_kills == N_KILLS:
                run.wait(60)
                break
            time.sleep(float(rng.uniform(0.0, 0.15)))
            if run.poll() is None:
                run.send_signal(signal.SIGKILL)
                n_kills += 1
    out = pl.read_parquet(target)
    counts = Counter(row.prediction_id for row in read_log(trained))
    assert n_kills
    assert out["event"].to_list() == rows["event"].to_list()
    assert set(counts.values()) == {1}
    assert set(counts) == set(out["prediction_id"])


def test_two_runs_into_one_target_do_not_meet(trained: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    make_rows().write_parquet(source)

    with opened(trained) as project:

        def meet(n_done: int, _: int) -> None:
            if n_done == 200:
                with pytest.raises(ProjectBusy):
                    score_file(project, source, target, part_rows=100)

        score_file(project, source, target, part_rows=100, on_progress=meet)
    assert len(read_log(trained)) == N_ROWS


def test_a_bad_row_is_named_and_kept_and_the_others_are_answered(trained: Path, tmp_path: Path) -> None:
    lines = ["event,at,heat,noise,remark", "a,2024-02-10T06:00:00Z,2.0,0,x", "b,2024-02-10T06:00:00Z,far,0,y"]
    lines += [
        "c,2024-02-10T06:00:00Z,,0,z",
        "d,someday,1,0,w",
        f"{'k' * 600},2024-02-10T06:00:00Z,1,0,v",
        "f,,-2.0,0,u",
    ]
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    with opened(trained) as project:
        scored = score_file(project, tmp_path / "in.csv", tmp_path / "out.parquet", part_rows=2)
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert (scored.n_rows, scored.n_refused) == (6, 4)
    assert out["remark"].to_list() == ["x", "y", "z", "w", "v", "u"]
    errors = out["error"].to_list()
    assert errors[1].startswith("wrong_type: 'heat' is the text \"far\"")
    assert errors[2].startswith("null_not_allowed: 'heat' is null")
    assert errors[3] == "wrong_type: the moment 'someday' cannot be read"
    assert errors[4].startswith("out_of_range: 'event' has 600 characters")
    assert [row.key for row in read_log(trained)] == ["a", "f"]
    assert out["prediction_id"].null_count() == out["p_True"].null_count() == 4


def test_a_row_that_the_model_fails_on_fails_alone(trained: Path, tmp_path: Path) -> None:
    from holdtrue.project import scored_slice
    from holdtrue.registry import load_model

    make_rows(50).with_columns(heat=pl.when(pl.col("event") == "e7").then(666.0).otherwise("heat")).write_parquet(
        tmp_path / "in.parquet"
    )
    with opened(trained) as project:
        with project.store.reading() as tx:
            version = tx.versions.read(LOOP, 1)
        scorer = load_model(project.store.artifacts.get(version.artifact), version.format, version.signature)
    score = scorer.score

    def fail_on_some(frame: pl.DataFrame) -> np.ndarray:
        if (frame["heat"] == 666.0).any():
            raise RuntimeError("the beast")
        return score(frame)

    scorer.score = fail_on_some
    frame = pl.read_parquet(tmp_path / "in.parquet")
    answers, failed = scored_slice.score_apart(scorer, frame.select("heat", "noise"))
    assert failed == {7: "the beast"}
    assert np.isnan(answers[7]).all()
    assert np.isfinite(np.delete(answers, 7, axis=0)).all()


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
def test_every_format_goes_in_and_out_with_the_same_answers(trained: Path, tmp_path: Path, ending: str) -> None:
    rows = make_rows(250).with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    rows.write_parquet(tmp_path / "in.parquet")
    rows.write_csv(tmp_path / "in.csv")
    rows.write_ndjson(tmp_path / "in.jsonl")
    readers = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}
    with opened(trained) as project:
        score_file(project, tmp_path / "in.parquet", tmp_path / "plain.parquet")
        score_file(project, tmp_path / f"in{ending}", tmp_path / f"out{ending}", part_rows=100)
    plain, out = pl.read_parquet(tmp_path / "plain.parquet"), readers[ending](tmp_path / f"out{ending}")
    assert out.columns == plain.columns
    assert np.abs(out["p_True"].to_numpy() - plain["p_True"].to_numpy()).max() < 1e-12
    assert {row.time for row in read_log(trained)} == {START.timestamp()}


def test_a_file_without_rows_gives_a_file_without_rows(trained: Path, tmp_path: Path) -> None:
    make_rows(0).write_parquet(tmp_path / "in.parquet")
    with opened(trained) as project:
        assert score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet").n_rows == 0
    assert pl.read_parquet(tmp_path / "out.parquet").columns[-2:] == ["p_True", "error"]


def test_a_file_that_is_none_is_refused_and_nothing_is_left(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "in.parquet").write_bytes(b"PAR1 and no more")
    with opened(trained) as project, pytest.raises(SourceError, match="cannot be read"):
        score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "project"]


def test_the_same_rows_get_the_same_answers_from_a_server(trained: Path, tmp_path: Path) -> None:
    rows = make_rows(300)
    rows.write_parquet(tmp_path / "in.parquet")
    with opened(trained) as project:
        score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet", part_rows=70)
        write_traffic_file(project.store)
        workers = start_workers(project.store.folder, port=0)
        try:
            assert workers.wait_until_ready()
            told = [{**row, "at": row["at"].isoformat()} for row in rows.drop("remark").iter_rows(named=True)]
            reply = httpx.post(f"{workers.url}/v1/predict/{LOOP}", json={"rows": told}, timeout=30)
        finally:
            workers.stop()
    online = [answer["answer"]["probabilities"]["true"] for answer in reply.json()["predictions"]]
    batch = pl.read_parquet(tmp_path / "out.parquet")["p_True"].to_list()
    assert max(abs(one - other) for one, other in zip(online, batch, strict=True)) < 1e-9
