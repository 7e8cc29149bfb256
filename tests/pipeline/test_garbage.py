"""What is named, even by a document that something else names, is no garbage."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from holdtrue.pipeline import StepCache, Trail, collect_garbage, find_garbage, keep_figure, run_steps, submit_run
from holdtrue.store import Store


def test_what_a_named_document_names_is_kept_and_what_an_unnamed_one_names_is_not(tmp_path: Path) -> None:
    with Store.open(tmp_path / ".holdtrue") as store:
        twin, other = store.artifacts.put(b"the twin of a model"), store.artifacts.put(b"of nobody")
        release = store.artifacts.put(json.dumps({"twin": twin}).encode())
        lonely = store.artifacts.put(json.dumps({"twin": other}).encode())
        with store.transaction() as tx:
            submit_run(tx, loop="l", reason="", as_of=datetime.now(UTC), parameters={"deep": [{"in": release}]})
        assert find_garbage(store).artifacts == (), "what is young may be in the making"
        garbage = find_garbage(store, older_than=timedelta(0))
        assert set(garbage.artifacts) == {other, lonely}
        assert garbage.n_named == 2
        collect_garbage(store, garbage)
        assert {artifact.digest for artifact in store.artifacts.all()} == {twin, release}
        assert find_garbage(store, older_than=timedelta(0)).artifacts == ()


def draw(n: int) -> dict[str, int]:
    """Return JSON, which no artifact holds, and leave a log and a figure, which are artifacts."""
    print("what it printed")
    keep_figure("line", "<svg xmlns='http://www.w3.org/2000/svg'/>")
    return {"n": n}


def test_a_step_whose_log_was_thrown_away_is_done_again_and_not_said_to_have_one_that_is_gone(tmp_path: Path) -> None:
    with Store.open(tmp_path / ".holdtrue") as store:
        run_steps([draw], inputs={"n": 1}, cache=StepCache(store))
        garbage = find_garbage(store, older_than=timedelta(0))
        assert len(garbage.keys) == 1
        assert len(garbage.artifacts) == 2
        collect_garbage(store, garbage)
        trail = Trail()
        (record,) = run_steps([draw], inputs={"n": 1}, cache=StepCache(store), trail=trail).records
        notes = trail.notes[record.key]
        assert not record.is_cached
        assert notes.log is not None
        assert all(map(store.artifacts.has, [notes.log, *(figure.artifact for figure in notes.figures)]))
