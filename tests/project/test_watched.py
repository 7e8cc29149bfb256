from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import holdtrue as ht
from holdtrue.clock import VirtualClock
from holdtrue.errors import NotFound, SourceMissing, StateConflict
from holdtrue.project import WatchedProject
from holdtrue.web.card import lay_card
from holdtrue.web.gallery import Gallery

START = datetime(2024, 1, 1, tzinfo=UTC)


def write_log(folder: Path, *, n_days: int, turns_on_day: int = 40) -> None:
    rng = np.random.default_rng(0)
    n_rows = n_days * 48
    told = rng.uniform(0.05, 0.95, n_rows)
    turned = np.arange(n_rows) >= turns_on_day * 48
    pl.DataFrame(
        {
            "at": [START + timedelta(hours=i / 2) for i in range(n_rows)],
            "p": told,
            "failed": rng.random(n_rows) < np.where(turned, 1 - told, told),
            "line": rng.choice(["a", "b"], size=n_rows),
        }
    ).write_parquet(folder / "log.parquet")


@pytest.fixture
def watched(tmp_path: Path) -> WatchedProject:
    data = ht.predictions("log.parquet", time="at", prediction="p", label="failed", label_delay="1h")
    loop = ht.Loop("elsewhere", data=data, monitor=[ht.slices("line")])
    return WatchedProject(loop=loop, folder=tmp_path, clock=VirtualClock(START + timedelta(days=100)))


def test_a_log_that_grows_is_read_again_and_an_alert_is_told_once(watched: WatchedProject) -> None:
    write_log(watched.folder, n_days=38)
    assert watched.look() == ()
    before = watched.overview().loops[0]
    assert before.alerts == ()
    write_log(watched.folder, n_days=55)
    (opened,) = watched.look()
    assert "The risk has risen" in opened.sentence
    assert watched.look() == ()
    after = watched.overview().loops[0]
    assert [alert.alert_id for alert in after.alerts] == [opened.alert_id]
    assert after.coverage.n_predictions > before.coverage.n_predictions
    assert {each.name for each in after.slices} == {"line = a", "line = b"}


def test_a_log_that_cannot_be_read_leaves_the_page_as_it_was_and_says_why(watched: WatchedProject) -> None:
    with pytest.raises(SourceMissing):
        watched.look()
    write_log(watched.folder, n_days=38)
    watched.look()
    (watched.folder / "log.parquet").write_bytes(b"PAR1 half of it")
    assert watched.look() == ()
    loop = watched.overview().loops[0]
    assert loop.windows
    assert "cannot be read now" in loop.notes[0]
    write_log(watched.folder, n_days=39)
    watched.look()
    assert "cannot be read now" not in watched.overview().loops[0].notes[0]


def test_the_page_shows_quality_and_no_orders(watched: WatchedProject) -> None:
    write_log(watched.folder, n_days=55)
    watched.look()
    card = lay_card(watched.overview().loops[0], Gallery())
    assert card.headline == "The model is served elsewhere; its log is watched here."
    assert card.quality is not None
    assert card.slices[0].startswith("2 slices are watched")
    assert (card.may_promote, card.may_rollback, card.versions) == (False, False, ())
    assert len(set(card.notes)) == len(card.notes)
    assert not set(card.notes) & set(card.slices)


def test_orders_and_questions_that_need_a_version_are_refused(watched: WatchedProject) -> None:
    for order in (watched.promote, watched.rollback):
        with pytest.raises(StateConflict, match="served elsewhere"):
            order("elsewhere", "why not")
    with pytest.raises(NotFound, match="served elsewhere"):
        watched.explain("p1")
