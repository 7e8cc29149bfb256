"""RunKills: workers that share runs of a pipeline are killed with -9 at random; is a transition lost or doubled?

It forks, so it belongs in a process of its own: `python -m holdtrue.testing.run_kills --rounds 20 --seed 0`.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from holdtrue.domain import Run, RunState
from holdtrue.errors import StateConflict
from holdtrue.pipeline import Claim, StepCache, run_steps, start_run, submit_run, succeed_run
from holdtrue.store import DatabaseAddress, Store, Transaction, read_address

LOOP = "killed-runs"
LEASE_SECONDS = 0.25
PATIENCE_SECONDS = 30.0
_STEP_SECONDS = 0.015
_AIM = 0.8  # how often the worker that holds the run is the one that is killed
_POLL_SECONDS = 0.01


@dataclass(frozen=True, kw_only=True)
class RunKillReport:
    """What the kills did: how many met the worker that held the run, who went on, and what was wrong at the end."""

    n_rounds: int
    n_kills: int
    n_holders_killed: int
    n_taken_over: int
    n_steps_from_cache: int
    n_lost: int
    n_doubled: int
    problems: tuple[str, ...]
    seconds: float


def first(number: int) -> int:
    """Work for a moment."""
    time.sleep(_STEP_SECONDS)
    return number + 1


def second(first: int) -> bytes:
    """Work for a moment and keep bytes."""
    time.sleep(_STEP_SECONDS)
    return str(first).encode()


def third(second: bytes) -> list[int]:
    """Work for a moment."""
    time.sleep(_STEP_SECONDS)
    return list(second)


def fourth(third: list[int], first: int) -> int:
    """Work for a moment."""
    time.sleep(_STEP_SECONDS)
    return sum(third) + first


def fifth(fourth: int) -> dict[str, int]:
    """Work for a moment."""
    time.sleep(_STEP_SECONDS)
    return {"sum": fourth}


def expect(number: int) -> dict[str, int]:
    """Return what the steps make of a number."""
    return {"sum": sum(str(number + 1).encode()) + number + 1}


def work(folder: Path, address: DatabaseAddress | None = None) -> None:
    """Do what runs there are to do, as one worker of several, until none is left."""
    with Store.open(folder, address=address) as store:
        claim = Claim(store=store, seconds=LEASE_SECONDS)
        while True:
            with store.reading() as tx:
                waiting = [run for run in tx.runs.all(LOOP) if run.ended_at is None]
            if not waiting:
                return
            for run in waiting:
                _try(store, claim, run.run_id)
            time.sleep(_POLL_SECONDS)


def _try(store: Store, claim: Claim, run_id: str) -> None:
    now = datetime.now(UTC)
    with store.transaction() as tx:
        run = tx.runs.read(run_id)
        if run.ended_at is not None or not claim.take(tx, run_id):
            return
        if run.state is RunState.SUBMITTED:
            run = start_run(tx, run, now=now, owner=claim.owner)
            _note(tx, run, "started", claim.owner)
        else:
            _note(tx, run, "taken over", claim.owner)
    claim.keep()
    done = run_steps([fifth, fourth, third, second, first], inputs=run.parameters, cache=StepCache(store))
    try:
        with store.transaction() as tx:
            claim.require(tx)
            run = tx.runs.read(run_id)
            run = succeed_run(tx, run, now=datetime.now(UTC), result=done.values["fifth"], steps=done.records)
            _note(tx, run, "succeeded", claim.owner)
            claim.give_back(tx)
    except StateConflict:  # another took the run over: what it found counts
        return


def _note(tx: Transaction, run: Run, action: str, owner: str) -> None:
    now = datetime.now(UTC)
    tx.audit.append(loop=LOOP, at=now, actor=owner, action=action, subject=run.run_id, sentence="")


def hold_run_kills(folder: Path, *, n_rounds: int, seed: int, address: DatabaseAddress | None = None) -> RunKillReport:
    """Let two workers share one run after another, kill one of them at a random moment, and count transitions.

    Args:
        folder: a fresh `.holdtrue` folder.
        n_rounds: how many runs there are, and kills.
        seed: draws moments and victims.
        address: an empty schema of PostgreSQL for the state; None for SQLite.
    """
    chance, began, n_holders = random.Random(seed), time.perf_counter(), 0
    with Store.open(folder, address=address) as store:
        for number in range(n_rounds):
            with store.transaction() as tx:
                run = submit_run(
                    tx, loop=LOOP, reason="a round begins", as_of=datetime.now(UTC), parameters={"number": number}
                )
            store.close()  # what is open would be shared with the workers
            workers = [_fork(folder, address), _fork(folder, address)]
            victim = _choose_victim(store, run.run_id, workers, chance)
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            with store.reading() as tx:
                kept = tx.runs.read(run.run_id)
                n_holders += kept.ended_at is None and f":{victim}:" in (kept.lease_owner or "")
            _await_end(next(pid for pid in workers if pid != victim))
        return _judge(store, n_rounds, n_holders, time.perf_counter() - began)


def _choose_victim(store: Store, run_id: str, workers: list[int], chance: random.Random) -> int:
    """Wait for a random moment, mostly one while a worker has the run, and return whom to kill then."""
    is_aimed, other = chance.random() < _AIM, chance.choice(workers)
    deadline = time.monotonic() + (PATIENCE_SECONDS if is_aimed else 0.0)
    while _find_holder(store, run_id) is None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS / 4)
    time.sleep(chance.uniform(0.0, 0.1 if is_aimed else 0.25))
    holder = _find_holder(store, run_id)
    return holder if is_aimed and holder in workers else other


def _find_holder(store: Store, run_id: str) -> int | None:
    with store.reading() as tx:
        owner = tx.runs.read(run_id).lease_owner
    return None if owner is None else int(owner.split(":")[1])


def _fork(folder: Path, address: DatabaseAddress | None) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work(folder, address)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return pid


def _await_end(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return
        time.sleep(_POLL_SECONDS)


def _judge(store: Store, n_rounds: int, n_holders: int, seconds: float) -> RunKillReport:
    with store.reading() as tx:
        runs, entries = tx.runs.all(LOOP), tx.audit.all(LOOP)
        broken = tx.audit.verify(LOOP)
    seen = Counter((entry.subject, entry.action) for entry in entries)
    wanted = [(run.run_id, action) for run in runs for action in ("started", "succeeded")]
    problems = [
        f"The run {run.run_id} is {run.state.value} with {run.result}, not {expect(run.parameters['number'])}."
        for run in runs
        if run.state is not RunState.SUCCEEDED or run.result != expect(run.parameters["number"])
    ]
    if len(runs) != n_rounds or broken is not None:
        problems.append(f"{len(runs)} runs of {n_rounds}, and the audit is broken at {broken}.")
    return RunKillReport(
        n_rounds=n_rounds,
        n_kills=n_rounds,
        n_holders_killed=n_holders,
        n_taken_over=sum(entry.action == "taken over" for entry in entries),
        n_steps_from_cache=sum(step.is_cached for run in runs for step in run.steps),
        n_lost=sum(seen[transition] == 0 for transition in wanted),
        n_doubled=sum(seen[transition] > 1 for transition in wanted),
        problems=tuple(problems),
        seconds=seconds,
    )


def main() -> int:
    """Hold the kills and print the report as JSON; 1 when anything was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", help="the URL of a PostgreSQL database for the state, instead of SQLite")
    parser.add_argument("--schema", default="killed_runs", help="an empty schema of it, or one that is not there")
    told = parser.parse_args()
    address = None if told.database is None else read_address(told.database, schema=told.schema)
    with tempfile.TemporaryDirectory() as folder:
        report = hold_run_kills(Path(folder) / ".holdtrue", n_rounds=told.rounds, seed=told.seed, address=address)
    print(json.dumps(asdict(report)))
    return 1 if report.problems or report.n_lost or report.n_doubled else 0


if __name__ == "__main__":
    sys.exit(main())
