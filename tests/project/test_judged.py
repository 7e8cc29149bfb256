"""A model that may not see a column is judged by it: in its gate, in a comparison, on its card; never in service."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.domain import Ruling, Verdict, VerdictStage
from holdtrue.project import Project, compare_versions, find_run, gather_card, open_project, reproduce_run
from holdtrue.report import render_card
from holdtrue.testing import drifting_rows
from holdtrue.testing.world import START

from .small import train

N_DAYS = 60
LOOP_FILE = '''"""Will the machine fail today?"""
import holdtrue as ht


def train(data):
    from sklearn.linear_model import LogisticRegression

    assert data.features.columns == ["heat", "noise"]
    assert not hasattr(data, "judged")
    return LogisticRegression().fit(data.features, data.label)


loop = ht.Loop(
    "machines",
    data=ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="12h", drop=["shift", "hall"]),
    train=train,
    validate=[ht.beats_baseline(), ht.slices("shift"), ht.fairness(by=["shift", ("shift", "hall")], what="error")],
    rollout=None,
)
'''


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of two versions; at night, which no model sees, machines fail as they like."""
    folder = tmp_path_factory.mktemp("judged")
    rows = drifting_rows(n_days=N_DAYS, rows_a_day=40, turns_on_day=N_DAYS)
    drawn = np.random.default_rng(3)
    shift, luck = drawn.choice(["day", "night"], rows.height), drawn.random(rows.height) < 0.5
    failed = pl.when(pl.Series(shift) == "night").then(pl.Series(luck)).otherwise(pl.col("failed"))
    rows = rows.with_columns(
        failed.alias("failed"), shift=pl.Series(shift), hall=pl.Series(drawn.integers(0, 2, rows.height))
    )
    rows.write_parquet(folder / "rows.parquet")
    (folder / "loop.py").write_text(LOOP_FILE, encoding="utf-8")
    with open_project(folder / "loop.py", clock=VirtualClock(START + timedelta(days=40))) as project:
        train(project)
    with open_project(folder / "loop.py", clock=VirtualClock(START + timedelta(days=45))) as project:
        train(project)
    return folder


@pytest.fixture
def project(judged: Path) -> Iterator[Project]:
    with open_project(judged / "loop.py", clock=VirtualClock(START + timedelta(days=61))) as opened:
        yield opened


def read_verdicts(project: Project, check: str) -> list[Verdict]:
    with project.store.reading() as tx:
        records = tx.verdicts.all("machines")
    found = [v for record in records if record.stage is VerdictStage.GATE for v in record.verdicts]
    return [verdict for verdict in found if verdict.check == check]


def test_the_gate_tells_rows_apart_by_what_the_model_does_not_see(project: Project) -> None:
    fairness = read_verdicts(project, "fairness")[0]
    assert fairness.ruling is Ruling.FAILED
    assert "shift = night: error" in fairness.sentence or "shift = day: error" in fairness.sentence
    assert {group["group"] for group in fairness.evidence["groups"]} >= {"shift = day", "shift = night and hall = 1"}
    assert [part["slice"] for part in read_verdicts(project, "slices")[0].evidence["slices"]] == [
        "shift = day",
        "shift = night",
    ]


def test_versions_snapshots_schemas_and_logs_do_not_have_it(project: Project) -> None:
    with project.store.reading() as tx:
        versions, data = tx.versions.all("machines"), tx.datasets.all("machines")
    assert {version.signature.schema.names for version in versions} == {("heat", "noise")}
    assert {record.schema.names for record in data} == {("heat", "noise")}


def test_a_comparison_shows_it(project: Project) -> None:
    found = compare_versions(project, "2", "1")
    assert {part.name for part in found.slices} >= {"shift = day", "shift = night"}


def test_the_card_says_that_it_is_judged_by_it_and_shows_the_groups(project: Project) -> None:
    page = render_card(gather_card(project, "v1"), as_markdown=True)
    assert "Its answers are judged by shift, hall, which it does not see." in page
    assert "shift = night" in page


def test_a_run_is_reproduced_from_its_snapshot(project: Project) -> None:
    with project.store.reading() as tx:
        run_id = tx.versions.all("machines")[0].lineage.run_id
    assert reproduce_run(project, find_run(project, run_id)).is_equal
