from holdtrue.serving.counts.counter import Counters, Metric
from holdtrue.serving.counts.metrics import render_metrics
from holdtrue.serving.counts.status import WorkerStatus, read_status, read_statuses, write_status
from holdtrue.store import LogManifest, commit_manifest


def make_status(slot, counters, **more):
    facts = {"pid": 1, "nonce": "n", "is_ready": True, "revisions": {"flights": 4}, "problems": ()}
    return WorkerStatus(slot=slot, counts=tuple(counters.dump()), **{**facts, **more})


def test_a_scrape_shows_the_sum_over_all_workers(tmp_path):
    for slot in range(2):
        counters = Counters()
        counters.add(Metric.ROWS, "flights", "v1", "champion", amount=5 + slot)
        counters.observe_latency("flights", 0.003)
        write_status(tmp_path, make_status(slot, counters))
    text = render_metrics(list(read_statuses(tmp_path)), n_waiting=2).decode()
    assert 'holdtrue_rows_total{loop="flights",role="champion",version="v1"} 11.0' in text
    assert 'holdtrue_latency_seconds_bucket{le="0.0025",loop="flights"} 0.0' in text
    assert 'holdtrue_latency_seconds_bucket{le="0.005",loop="flights"} 2.0' in text
    assert 'holdtrue_latency_seconds_count{loop="flights"} 2.0' in text
    assert 'holdtrue_traffic_revision{loop="flights",worker="1"} 4.0' in text


def test_counters_go_on_where_the_last_worker_of_the_slot_ended(tmp_path):
    counters = Counters()
    counters.add(Metric.SWAPS, "flights")
    write_status(tmp_path, make_status(0, counters))
    before = read_status(tmp_path, 0)
    assert before is not None
    again = Counters(before.counts)
    again.add(Metric.SWAPS, "flights")
    assert again.value(Metric.SWAPS, "flights") == 2


def test_a_status_that_cannot_be_read_is_none(tmp_path):
    (tmp_path / "worker-0.json").write_text("{")
    assert read_status(tmp_path, 0) is None
    assert list(read_statuses(tmp_path)) == []


def test_a_scrape_shows_how_large_the_logs_are_and_what_is_gone_of_them(tmp_path):
    log = tmp_path / "flights"
    log.mkdir()
    (log / "w0-0000000001.seg").write_bytes(b"x" * 700)
    commit_manifest(log, LogManifest(n_dropped=12, n_expired=3))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    text = render_metrics([], n_waiting=0, log_folder=tmp_path).decode()
    assert 'holdtrue_log_removed_rows_total{loop="flights",why="dropped"} 12.0' in text
    assert 'holdtrue_log_removed_rows_total{loop="flights",why="expired"} 3.0' in text
    n_bytes = 700 + (log / "manifest.json").stat().st_size
    assert f'holdtrue_log_bytes{{loop="flights"}} {float(n_bytes)}' in text
