"""Account: what a training tells of itself beside its result, however it ended; it is kept with the run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec

from holdtrue.domain import Checkout, Json, Provenance, Run, RunCost, StepNotes, StepRecord
from holdtrue.errors import TrainingFailed
from holdtrue.pipeline import describe_error, fail_run, read_checkout, read_installation, succeed_run
from holdtrue.store import Artifacts, Transaction

from .memory import describe_firings
from .order import TrainingOrder, TrainingResult
from .state import Firing


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a training did before it raised.

    Attributes:
        steps: those that ended well.
        notes: what steps noted down and printed, the one that raised too.
        cost: what it took.
        provenance: what it was made with; None when that could not be read.
        installation: digest of what was installed.
    """

    steps: tuple[StepRecord, ...] = ()
    notes: tuple[StepNotes, ...] = ()
    cost: RunCost | None = None
    provenance: Provenance | None = None
    installation: str | None = None


def keep_installation(artifacts: Artifacts) -> str:
    """Keep what is installed in this process as an artifact, and return its digest."""
    return artifacts.put(msgspec.json.encode(read_installation()))


def describe_checkout(loop_file: Path | None, artifacts: Artifacts) -> Checkout | None:
    """Return the state of the repository that a loop file is in, with its differences kept as an artifact."""
    return None if loop_file is None else read_checkout(loop_file.parent, put=artifacts.put)


def describe_start(order: TrainingOrder, firings: tuple[Firing, ...], checkout: Checkout | None) -> dict[str, Json]:
    """Return what a run keeps of its start: the order, what fired, and the state of the code's repository."""
    return {
        "order": msgspec.to_builtins(order),
        "triggers": describe_firings(firings),
        "checkout": msgspec.to_builtins(checkout),
    }


def close_run(tx: Transaction, run: Run, result: TrainingResult, *, now: datetime, brought: Mapping[str, Json]) -> Run:
    """Record that a training came to its end, with what it was made with and what its steps noted."""
    account = Account(
        notes=result.step_notes, provenance=result.provenance, installation=result.installation, steps=result.steps
    )
    run = replace(run, code=result.code, parameters={**run.parameters, **_describe(account)})
    return succeed_run(tx, run, now=now, result=brought, steps=result.steps, cost=result.cost)


def close_failed_run(tx: Transaction, run: Run, problem: BaseException, *, now: datetime) -> Run:
    """Record that a training failed; what its process could still tell of it is kept."""
    told = problem.account if isinstance(problem, TrainingFailed) else None
    account = Account() if told is None else msgspec.convert(told, Account)
    run = replace(run, parameters={**run.parameters, **_describe(account)})
    return fail_run(tx, run, now=now, error=describe_error(problem), steps=account.steps, cost=account.cost)


def _describe(account: Account) -> dict[str, Json]:
    """Return what goes among a run's parameters. The digests in it keep logs and figures from being thrown away."""
    told: dict[str, Json] = {}
    if account.provenance is not None:
        told["provenance"] = msgspec.to_builtins(account.provenance)
    if account.installation is not None:
        told["installation"] = account.installation
    if account.notes:
        told["notes"] = msgspec.to_builtins(account.notes)
    return told
