"""The loop on a world that turns around: it must beat the static model, and say what it did."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec

from holdtrue.backtest import run_backtest
from holdtrue.domain import BacktestResult
from holdtrue.loop import load_loop
from holdtrue.testing import drifting_rows, write_drifting_project


def test_the_loop_recovers_from_a_turn_that_ruins_the_static_model(tmp_path: Path) -> None:
    loop_file = write_drifting_project(tmp_path, rows=drifting_rows(n_days=120, rows_a_day=60))
    result = run_backtest(load_loop(loop_file), folder=tmp_path, loop_file=loop_file)
    static, loop, even = result.policy("static"), result.policy("loop"), result.policy("even")
    assert static.loss is not None
    assert loop.loss is not None
    assert loop.loss < static.loss - 0.2
    assert loop.n_promotions >= 1
    assert even.n_retrains == loop.n_retrains
    assert {policy.n_rows for policy in result.policies} == {loop.n_rows}
    assert any("promoted" in decision.action for decision in loop.decisions)


def test_a_second_backtest_takes_every_training_from_the_cache(tmp_path: Path) -> None:
    loop_file = write_drifting_project(tmp_path, rows=drifting_rows(n_days=60, rows_a_day=40))
    first = run_backtest(load_loop(loop_file), folder=tmp_path, policies=["static", "schedule"])
    again = run_backtest(load_loop(loop_file), folder=tmp_path, policies=["static", "schedule"])
    assert msgspec.to_builtins(first) == msgspec.to_builtins(again)


def test_the_command_prints_the_promised_object(tmp_path: Path) -> None:
    loop_file = write_drifting_project(tmp_path, rows=drifting_rows(n_days=60, rows_a_day=40))
    done = subprocess.run(
        [sys.executable, "-m", "holdtrue", "backtest", str(loop_file), "--policies", "static,loop", "--json",
         "--report", str(tmp_path / "out.html")],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    told = json.loads(done.stdout)
    promised = {
        "policy", "n_rows", "n_labelled", "loss", "loss_low", "loss_high", "loss_name", "metrics", "n_retrains",
        "n_promotions", "n_rejected", "value", "periods",
    }  # fmt: skip
    assert told["loop"] == "machines"
    assert [policy["policy"] for policy in told["policies"]] == ["static", "loop"]
    for policy in told["policies"]:
        assert promised <= set(policy)
        assert {"start", "end", "n_rows", "n_labelled", "loss", "metrics"} <= set(policy["periods"][0])
    assert (tmp_path / "out.html").read_text().startswith("<!")
    assert msgspec.convert(told, BacktestResult).policy("loop").n_rows > 0
