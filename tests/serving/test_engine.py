"""Loading and swapping: what may answer, and what happens when it cannot be loaded."""

import asyncio
import json
from dataclasses import replace

import pytest

from holdtrue.errors import NotFound, StoreFailed
from holdtrue.registry import load_model
from holdtrue.serving import read_traffic_file, write_traffic_file
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.counts.counter import Counters, Metric
from serving.flights import CLASSES, ROW


@pytest.fixture
def engine(flights):
    engine = Engine(flights.folder, Counters())
    yield engine
    engine.close()


@pytest.fixture
def both(flights, forests):
    for stored in forests:
        flights.release(stored)
    return flights


def pull(engine):
    return asyncio.run(engine.pull())


def served(engine):
    return engine.served["flights"].traffic


def damage(flights, number, what):
    """Flip a byte of a version's model, or of its release."""
    with flights.store.reading() as tx:
        version, release = tx.versions.read("flights", number), tx.versions.read_release("flights", number)
    path = flights.store.artifacts.path(version.artifact if what == "model" else release.artifact)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_the_file_is_written_only_when_it_says_something_new(both):
    both.send(1)
    assert not write_traffic_file(both.store)
    file = read_traffic_file(both.folder)
    assert file.loops["flights"].traffic.champion == 1
    assert set(file.loops["flights"].versions) == {1}


def test_the_champion_before_stays_warm_for_a_rollback(both, engine):
    both.send(1)
    both.send(2)
    assert set(read_traffic_file(both.folder).loops["flights"].versions) == {1, 2}
    pull(engine)
    loaded = {version.number: version for version in engine._loaded.values()}
    both.send(1)
    pull(engine)
    assert engine.served["flights"].champion is loaded[1]


def test_a_version_without_a_release_is_not_written(both):
    both.send(1)
    before = read_traffic_file(both.folder)
    with both.store.transaction() as tx:
        version = tx.versions.read("flights", 1)
        tx.versions.append(replace(version, number=3, digest="f" * 64))
    with both.store.transaction() as tx:
        traffic = tx.traffic.read("main", "flights")
        tx.traffic.write(replace(traffic, challenger=3, is_shadowed=True), traffic.revision)
    with pytest.raises(NotFound, match="v3 of 'flights' is in the traffic but has no release"):
        write_traffic_file(both.store)
    assert read_traffic_file(both.folder) == before


def test_no_file_means_not_ready_and_a_vanished_one_changes_nothing(both, engine):
    pull(engine)
    assert not engine.is_ready
    both.send(1)
    assert pull(engine)
    (both.folder / "traffic.json").unlink()
    pull(engine)
    assert engine.is_ready
    assert served(engine).champion == 1


def test_a_broken_file_is_told_and_changes_nothing(both, engine):
    both.send(1)
    pull(engine)
    (both.folder / "traffic.json").write_text('{"revision": 7, "loops"')
    pull(engine)
    assert engine.is_ready
    assert "cannot be read" in engine.problems[0]
    with pytest.raises(StoreFailed):
        read_traffic_file(both.folder)


@pytest.mark.parametrize("what", ["model", "release"])
def test_a_challenger_whose_bytes_were_changed_answers_nobody(both, engine, what):
    damage(both, 2, what)
    both.send(1, challenger=2, challenger_share=0.5, is_shadowed=True)
    pull(engine)
    assert (served(engine).champion, served(engine).challenger) == (1, None)
    assert engine.is_ready
    assert "v2 of 'flights' cannot be loaded" in engine.problems[0]
    assert engine._counters.value(Metric.LOAD_FAILURES, "flights", "v2") == 1


def test_a_champion_that_cannot_be_loaded_leaves_the_last_one_in_charge(both, engine):
    both.send(1)
    pull(engine)
    damage(both, 2, "model")
    both.send(2)
    pull(engine)
    assert served(engine).champion == 1
    assert "v2 of 'flights' cannot be loaded" in engine.problems[0]


def test_a_release_that_no_believed_key_signed_is_not_loaded(both, engine):
    both.send(1)
    path = both.folder / "traffic.json"
    content = json.loads(path.read_text())
    content["loops"]["flights"]["versions"]["1"]["signature"] = "00" * 64
    path.write_text(json.dumps(content))
    pull(engine)
    assert not engine.is_ready
    assert "has signed this document" in engine.problems[0]


def test_a_model_that_answers_its_sample_otherwise_is_not_loaded(flights, forests, engine):
    sample = ({**ROW, "hour": 6}, ROW)
    answers = ((0.5, 0.5), (0.5, 0.5))
    flights.send(flights.release(forests[0], sample=sample, sample_answers=answers).number)
    pull(engine)
    assert not engine.is_ready
    assert "answers its own sample otherwise" in engine.problems[0]


def test_a_model_that_answers_its_sample_as_before_is_loaded(flights, forests, engine):

    answers = load_model(forests[0].data, forests[0].format, CLASSES).score([ROW]).tolist()
    flights.send(flights.release(forests[0], sample=(ROW,), sample_answers=tuple(map(tuple, answers))).number)
    pull(engine)
    assert engine.is_ready


def test_what_could_not_be_loaded_is_tried_again(both, engine):
    both.send(1)
    with both.store.reading() as tx:
        path = both.store.artifacts.path(tx.versions.read("flights", 1).artifact)
    hidden = path.with_suffix(".hidden")
    path.rename(hidden)
    pull(engine)
    assert not engine.is_ready
    hidden.rename(path)
    engine._seen = None
    pull(engine)
    assert engine.is_ready
    assert engine.problems == ()
