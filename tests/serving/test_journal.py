"""What a worker says in its log, and that nothing of it comes from a client."""

import json
import logging
import subprocess

import httpx
import pytest

from holdtrue.domain import Role
from holdtrue.errors import PortTaken
from holdtrue.serving import LogFormat, journal, start_workers
from holdtrue.serving.counts.counter import Metric
from holdtrue.serving.log_format import _LineFormatter, log_event
from holdtrue.serving.options import name_command, read_options
from holdtrue.serving.request.refusal import Code, Refused
from serving.flights import ROW


@pytest.fixture
def served(flights, boosters):
    for stored in boosters:
        flights.release(stored)
    flights.send(1)
    return flights


@pytest.fixture(autouse=True)
def _listening(caplog):
    caplog.set_level(logging.INFO, logger="holdtrue.serving")


def list_events(caplog):
    return [(record.msg, record.facts) for record in caplog.records if hasattr(record, "facts")]


def test_a_worker_tells_start_swap_ready_and_end(served, caplog):
    async def scenario(client):
        served.send(2)
        await client.replica.engine.pull()
        client.replica.journal.look()
        client.replica.journal.look()

    served.run(scenario)
    events = list_events(caplog)
    assert [event for event, _ in events] == ["start", "swap", "ready", "swap", "end"]
    assert events[1][1] == {"loop": "flights", "revision": 1, "versions": ["v1 100%"]}
    assert events[3][1]["versions"] == ["v2 100%"]


def test_a_worker_that_cannot_answer_says_why_once(flights, caplog):
    (flights.folder / "traffic.json").write_text("{")

    async def scenario(client):
        client.replica.journal.look()
        client.replica.journal.look()

    flights.run(scenario)
    events = [event for event, _ in list_events(caplog)]
    assert events == ["start", "not_ready", "problem", "end"]
    assert "traffic.json" in list_events(caplog)[2][1]["what"]


def test_refusals_are_told_by_their_number_once_a_minute_for_each_code(served, caplog, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(journal.time, "monotonic", lambda: now[0])

    async def scenario(client):
        look = client.replica.journal.look
        caplog.clear()
        for rows, seconds in (([{}, ROW], 1.0), ([{}], 30.0), ([{}, {}], 40.0)):
            await client.post("/v1/predict", json={"rows": rows})
            await client.post("/v1/predict/trains", json={"rows": rows})
            look()
            now[0] += seconds
        look()
        return [facts for event, facts in list_events(caplog) if event == "refusals"]

    told = served.run(scenario)
    assert told == [
        {"code": "missing_field", "n_requests": 0, "n_rows": 1},
        {"code": "unknown_loop", "n_requests": 1, "n_rows": 0},
        {"code": "missing_field", "n_requests": 2, "n_rows": 3},
        {"code": "unknown_loop", "n_requests": 2, "n_rows": 0},
    ]


def test_what_was_refused_since_the_last_minute_is_told_at_the_end(served, caplog):
    async def scenario(client):
        client.replica.note_refusal(Refused(Code.EMPTY, "x"))
        client.replica.journal.look()
        client.replica.note_refusal(Refused(Code.EMPTY, "x"))

    served.run(scenario)
    assert [facts["n_requests"] for event, facts in list_events(caplog) if event == "refusals"] == [1, 1]


def test_rows_that_an_earlier_worker_of_the_slot_refused_are_not_told_again(served, caplog):
    async def scenario(client):
        client.replica.counters.add(Metric.REFUSED, "flights", "empty")

    served.run(scenario)
    caplog.clear()
    served.run(scenario)
    assert [facts["n_rows"] for event, facts in list_events(caplog) if event == "refusals"] == [1]


def format_record(form, log):
    """Return how a record is written that `log` makes."""
    records = []

    class Keep(logging.Handler):
        def emit(self, record):
            records.append(record)

    logger = logging.getLogger("holdtrue.serving")
    keep = Keep()
    logger.addHandler(keep)
    try:
        log(logger)
    finally:
        logger.removeHandler(keep)
    return _LineFormatter(form, 3).format(records[0])


def fail(logger, error):
    try:
        raise error
    except Exception:
        logger.exception("it failed")


def test_an_event_is_one_line_of_json_or_of_words():
    told = json.loads(format_record(LogFormat.JSON, lambda _: log_event("swap", {"loop": "a", "versions": ["v1"]})))
    assert (told["event"], told["level"], told["worker"], told["loop"], told["versions"]) == (
        "swap",
        "info",
        3,
        "a",
        ["v1"],
    )
    text = format_record(LogFormat.TEXT, lambda _: log_event("swap", {"loop": "a", "what": "two words"}))
    assert text.split(" ", 1)[1] == 'info worker=3 swap loop=a what="two words"'


@pytest.mark.parametrize("form", list(LogFormat))
def test_a_fault_has_its_kind_and_places_and_not_its_message(form):
    text = format_record(form, lambda logger: fail(logger, ValueError("could not convert 'secret'")))
    assert "ValueError" in text
    assert "test_journal.py" in text
    assert "in fail" in text
    assert "secret" not in text
    assert "\n" not in text or form is LogFormat.TEXT


def test_errors_of_ours_are_told_in_their_own_words_unless_they_speak_of_a_request():
    told = format_record(LogFormat.JSON, lambda logger: fail(logger, PortTaken("the port 8080 is taken")))
    assert json.loads(told)["why"] == "the port 8080 is taken."
    told = format_record(LogFormat.JSON, lambda logger: fail(logger, Refused(Code.EMPTY, "secret")))
    assert "secret" not in told


def test_a_workers_file_holds_lines_of_json_and_nothing_that_was_sent(served):
    workers = start_workers(served.folder, port=0, log_format=LogFormat.JSON)
    try:
        assert workers.wait_until_ready(60), workers.problems
        for content in ({"rows": [{**ROW, "dest": "secret"}]}, {"rows": [{"secret": 1}]}, {"secret": []}):
            httpx.post(f"{workers.url}/v1/predict", json=content)
        again = start_workers(served.folder, port=0, log_format=LogFormat.JSON)
        assert again.n_adopted == 1
    finally:
        workers.stop()
    text = (served.folder / "run" / "worker-0.log").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    assert [told["event"] for told in events][:3] == ["start", "swap", "ready"]
    assert events[-1]["event"] == "end"
    assert {told["code"] for told in events if told["event"] == "refusals"} == {"unknown_field"}
    assert "secret" not in text
    assert Role.CHAMPION in {row.role for row in served.read_log()}


def test_workers_that_log_otherwise_are_not_adopted(served):
    first = start_workers(served.folder, port=0)
    assert first.wait_until_ready(60), first.problems
    second = start_workers(served.folder, port=0, log_format=LogFormat.JSON)
    try:
        assert second.n_adopted == 0
    finally:
        second.stop()


def test_a_worker_that_may_not_start_says_why_in_its_form(tmp_path):
    options = read_options(["--folder", str(tmp_path), "--host", "0.0.0.0", "--log-format", "json"])
    told = subprocess.run(name_command(options), capture_output=True, text=True, timeout=60, check=False)
    event = json.loads(told.stderr)
    assert (event["event"], event["level"]) == ("refused_to_start", "error")
    assert "--insecure" in event["why"]
