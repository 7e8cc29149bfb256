"""Inquest: what store and logs of a loop say after its processes were killed, against what clients were told."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl

from holdtrue.data import collect_labels, read_log_rows
from holdtrue.domain import AliasEvent, AuditEntry, Prediction, Role, Rollout, RolloutStatus, Run, RunState
from holdtrue.serving import read_traffic_file
from holdtrue.store import Store, Transaction

from .client import Book, Receipt

CHAMPION = "champion"
MAIN_SERVICE = "main"
PUT_IN_CHARGE = ("install", "promote", "catch up", "rollback")
MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Losses:
    """What became of the rows that clients were told were answered.

    Attributes:
        n_lost: they are in no log.
        n_doubled: they are there more than once.
        n_changed: what was logged is not what was answered (another key or version).
        n_unheard: rows in the log whose reply no client received: a worker was killed between writing and replying.
        n_labels_lost: labels that were accepted and are not in the store.
    """

    n_lost: int
    n_doubled: int
    n_changed: int
    n_unheard: int
    n_labels_lost: int = 0


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What an inquest found; `problems` are sentences, and none of them means that everything held.

    Attributes:
        losses: of rows and labels.
        n_trainings: that ended well.
        n_trainings_after: those of them that ended after the first kill.
        n_promotions: versions that were put in charge by a rollout.
        n_promotions_after: those of them after the first kill.
        n_catch_ups: versions that were put in charge by a catch-up.
        n_aborts: rollouts that were stopped.
        problems: what does not hold.
    """

    losses: Losses
    n_trainings: int
    n_trainings_after: int
    n_promotions: int
    n_promotions_after: int
    n_catch_ups: int
    n_aborts: int
    problems: tuple[str, ...]


def hold_inquest(folder: Path, loop: str, book: Book, *, first_kill: datetime) -> Findings:
    """Compare the records of a stopped loop with the book of its client, and with each other.

    Args:
        folder: the `.holdtrue` folder; nobody may serve or control the loop any more.
        loop: its name.
        book: what the client was told.
        first_kill: business time of the first kill; the loop must have gone on after it.
    """
    with Store.open(folder) as store:
        collect_labels(store)
        with store.reading() as tx:
            labelled = {fact.key for fact in tx.labels.all(loop)}
            losses = count_losses(
                book.accepted, read_answers(folder / "log" / loop), n_labels_lost=len(book.labelled - labelled)
            )
            events = [event for event in tx.aliases.history(loop) if event.alias == CHAMPION]
            rollouts, runs, chain = tx.rollouts.all(loop), tx.runs.all(loop), tx.audit.all(loop)
            problems = [
                *tell_losses(losses),
                *book.refusals[:MOST_NAMED],
                *judge_chain(tx, loop),
                *judge_charges(events, chain, rollouts),
                *judge_runs(runs, Counter(version.lineage.run_id for version in tx.versions.all(loop))),
                *judge_promotions(rollouts, runs),
                *judge_traffic(tx, folder, loop),
            ]
            n_trainings_after, n_promotions_after = count_progress(tx, loop, since=first_kill)
    return Findings(
        losses=losses,
        n_trainings=sum(run.state is RunState.SUCCEEDED for run in runs),
        n_trainings_after=n_trainings_after,
        n_promotions=sum(rollout.status is RolloutStatus.PROMOTED for rollout in rollouts),
        n_promotions_after=n_promotions_after,
        n_catch_ups=sum(entry.action == "catch up" for entry in chain),
        n_aborts=sum(rollout.status is RolloutStatus.ABORTED for rollout in rollouts),
        problems=tuple(problems),
    )


def count_progress(tx: Transaction, loop: str, *, since: datetime) -> tuple[int, int]:
    """Return how many trainings ended well, and how many rollouts in promotion, after a business moment."""
    runs = [run.ended_at for run in tx.runs.all(loop) if run.state is RunState.SUCCEEDED]
    promoted = [each.ended_at for each in tx.rollouts.all(loop) if each.status is RolloutStatus.PROMOTED]
    n_trainings, n_promotions = (sum(end is not None and end > since for end in ends) for ends in (runs, promoted))
    return n_trainings, n_promotions


class LoggedAnswer(NamedTuple):
    """What a prediction log says of one answer."""

    prediction_id: str
    key: str
    version: int


def read_answers(log: Path) -> list[LoggedAnswer]:
    """Return every answer that the traffic gave in a prediction log, as often as it stands there."""
    rows = read_log_rows(log).filter(pl.col("role").is_in([Role.CHAMPION.value, Role.CHALLENGER.value]))
    return [LoggedAnswer(*row) for row in rows.select(LoggedAnswer._fields).iter_rows()]


def count_losses(
    accepted: Mapping[str, Receipt], logged: Sequence[LoggedAnswer | Prediction], *, n_labels_lost: int = 0
) -> Losses:
    """Compare receipts with what was logged."""
    times = Counter(prediction.prediction_id for prediction in logged)
    written = {row.prediction_id: Receipt(key=row.key, version=row.version) for row in logged}
    return Losses(
        n_lost=sum(times[name] == 0 for name in accepted),
        n_doubled=sum(n > 1 for n in times.values()),
        n_changed=sum(name in written and written[name] != receipt for name, receipt in accepted.items()),
        n_unheard=sum(name not in accepted for name in times),
        n_labels_lost=n_labels_lost,
    )


def tell_losses(losses: Losses) -> list[str]:
    """Return a sentence for each kind of loss."""
    told = {
        "accepted rows are in no log": losses.n_lost,
        "rows are in the log more than once": losses.n_doubled,
        "rows were logged otherwise than answered": losses.n_changed,
        "accepted labels are not in the store": losses.n_labels_lost,
    }
    return [f"{n} {what}." for what, n in told.items() if n]


def judge_chain(tx: Transaction, loop: str) -> list[str]:
    """Check the hash chain of the audit."""
    broken = tx.audit.verify(loop)
    return [] if broken is None else [f"The audit chain is broken at link {broken}."]


def judge_charges(events: list[AliasEvent], chain: list[AuditEntry], rollouts: list[Rollout]) -> list[str]:
    """Check that each version took charge once, as the audit says, and each rollout promoted its own once."""
    problems = []
    times = Counter(event.version for event in events)
    problems += [f"v{number} was put in charge {n} times." for number, n in times.items() if n > 1]
    told = [(entry.subject, entry.at) for entry in chain if entry.action in PUT_IN_CHARGE]
    if told != [(f"v{event.version}", event.at) for event in events]:
        problems.append("The audit tells of other versions in charge than the alias.")
    promoted = Counter(rollout.challenger for rollout in rollouts if rollout.status is RolloutStatus.PROMOTED)
    said = Counter(int(entry.subject[1:]) for entry in chain if entry.action == "promote")
    if promoted != said or any(n > 1 for n in promoted.values()):
        problems.append(f"Rollouts promoted {dict(promoted)}, the audit says {dict(said)}.")
    problems += [
        f"v{rollout.challenger} took charge though its rollout is {rollout.status.value}."
        for rollout in rollouts
        if rollout.status is not RolloutStatus.PROMOTED and rollout.challenger in times
    ]
    return problems


def judge_runs(runs: list[Run], versions: Mapping[str, int]) -> list[str]:
    """Check that every run has ended, and none brought more than one version."""
    final = (RunState.SUCCEEDED, RunState.FAILED)
    problems = [f"Run {run.run_id} is still {run.state.value}." for run in runs if run.state not in final]
    problems += [f"Run {run.run_id} failed: {run.error}" for run in runs if run.state is RunState.FAILED]
    for run in runs:
        n_versions = versions.get(run.run_id, 0)
        if n_versions != (1 if run.state is RunState.SUCCEEDED else 0):
            problems.append(f"Run {run.run_id}, {run.state.value}, has {n_versions} versions.")
    return problems


def judge_promotions(rollouts: list[Rollout], runs: list[Run]) -> list[str]:
    """Check that each promotion whose plan says so was followed by one catch-up, and that at most one is active."""
    problems = []
    starts = [run.started_at for run in runs if run.parameters["order"]["catches_up"]]
    owed = [each for each in rollouts if each.status is RolloutStatus.PROMOTED and each.plan.catches_up]
    if len(starts) != len([each for each in owed if not each.plan.is_gate_only]):
        problems.append(f"{len(owed)} promotions were followed by {len(starts)} catch-ups.")
    n_active = sum(rollout.status is RolloutStatus.ACTIVE for rollout in rollouts)
    if n_active > 1:
        problems.append(f"{n_active} rollouts are under way at once.")
    return problems


def judge_traffic(tx: Transaction, folder: Path, loop: str) -> list[str]:
    """Check that the traffic, in the database and in the file, is that of the alias and of the rollout under way."""
    rows = [row for row in tx.traffic.all(MAIN_SERVICE) if row.loop == loop]
    if len(rows) != 1:
        return [f"The loop has {len(rows)} rows of traffic."]
    traffic, alias, active = rows[0], tx.aliases.current(loop, CHAMPION), tx.rollouts.active(loop)
    problems = []
    if traffic.champion != alias:
        problems.append(f"v{traffic.champion} answers, but v{alias} is in charge.")
    if traffic.challenger != (None if active is None else active.challenger):
        problems.append(f"The challenger in the traffic is v{traffic.challenger}, that of the rollout is another.")
    file = read_traffic_file(folder)
    if file is None or file.loops[loop].traffic != traffic:
        problems.append("The traffic file is not that of the database.")
    return problems
