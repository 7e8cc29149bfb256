"""train and tick: one training now, or one look of the loop: for people, cron and orchestrators."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from holdtrue.domain import Ruling
from holdtrue.errors import DeclarationError
from holdtrue.loop import CaughtUp, HoldRollout, Move, RefuseRun, StartRun, Trained, TrainingLost
from holdtrue.project import Project, find_run, hold_control, open_project, repeat_step
from holdtrue.serving import write_traffic_file

from .console import print_error, print_json, progress_bar, say

EXIT_UNUSABLE = 2
EXIT_FAILED = 3
EXIT_INCONCLUSIVE = 4
LoopFile = Annotated[Path, typer.Argument(help="The file that declares the loop.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def train(
    loop_file: LoopFile,
    step: Annotated[str | None, typer.Option(help="With --from: do this step alone, and keep nothing.")] = None,
    run: Annotated[str | None, typer.Option("--from", help="The run whose values the step is given.")] = None,
    json: AsJson = False,
) -> None:
    """Train a challenger on what is known now and judge it. Exit code: 0 passed, 3 failed, 4 inconclusive."""
    if step is not None or run is not None:
        _repeat(loop_file, step, run, json=json)
        return
    with open_project(loop_file) as project, hold_control(project.store, loop=project.loop.name):
        controller = project.make_controller()
        with progress_bar("training"):
            outcome = controller.train_now("ordered by a person")
        finish_judging(project, outcome, json=json)


def _repeat(loop_file: Path, step: str | None, run: str | None, *, json: bool) -> None:
    if step is None or run is None:
        raise DeclarationError("a step is done again with what a run gave it", expected="--step NAME and --from RUN")
    with (
        open_project(loop_file) as project,
        hold_control(project.store, loop=project.loop.name),
        progress_bar(step),
    ):
        found = repeat_step(project, find_run(project, run), step)
    if json:
        print_json({**{name: getattr(found, name) for name in found.__dataclass_fields__}, "is_equal": found.is_equal})
        return
    say(found.value)
    same = "the same as" if found.is_equal else "something else than"
    say(f"{found.step} returned {same} in the run {found.run_id[:12]}, in {found.wall_seconds:.3f} s.")


def finish_judging(project: Project, outcome: Trained | CaughtUp | TrainingLost, *, json: bool) -> None:
    """Tell the servers and print what became of a version; its ruling is the exit code."""
    write_traffic_file(project.store)
    if not isinstance(outcome, Trained):
        if told := _read_traceback(project, outcome):
            print_error(told)
        print_error(outcome.sentence)
        is_short = isinstance(outcome, TrainingLost) and outcome.is_short
        raise typer.Exit(EXIT_INCONCLUSIVE if is_short else EXIT_FAILED)
    _print_training(project, outcome, json=json)
    codes = {Ruling.PASSED: 0, Ruling.FAILED: EXIT_FAILED, Ruling.ERROR: EXIT_FAILED}
    code = codes.get(outcome.ruling, EXIT_INCONCLUSIVE)
    if code:
        raise typer.Exit(code)


def _read_traceback(project: Project, lost: CaughtUp | TrainingLost) -> str:
    """Return what is recorded of a training that failed, without what its sentence says already."""
    with project.store.reading() as tx:
        error = tx.runs.read(lost.run_id).error or ""
    first, _, rest = error.partition("\n\n")
    return (rest if lost.sentence.endswith(first) else error).rstrip()


def _print_training(project: Project, outcome: Trained, *, json: bool) -> None:
    name = project.loop.name
    with project.store.reading() as tx:
        records = [r for r in tx.verdicts.all(name) if r.verdict_id in _ids(project, outcome)]
        champion = tx.aliases.current(name, "champion")
        rollout = tx.rollouts.active(name)
    verdicts = [verdict for record in records for verdict in record.verdicts]
    if json:
        print_json(
            {
                "loop": name, "version": f"v{outcome.version}", "ruling": outcome.ruling.value,
                "sentence": outcome.sentence, "verdicts": verdicts,
                "champion": None if champion is None else f"v{champion}",
                "challenger": None if rollout is None else f"v{rollout.challenger}",
            }
        )  # fmt: skip
        return
    say(f"v{outcome.version}: {outcome.ruling.value}. {outcome.sentence}")
    seen = set()
    for verdict in verdicts:
        if (verdict.check, verdict.sentence) not in seen:
            seen.add((verdict.check, verdict.sentence))
            say(f"  {verdict.check}: {verdict.ruling.value}. {verdict.sentence}")
    say("In charge: nobody yet" if champion is None else f"In charge: v{champion}")
    if rollout is not None:
        say(f"On its way: v{rollout.challenger}, about {rollout.plan.expected_days:.1f} days ({rollout.plan.note})")


def _ids(project: Project, outcome: Trained) -> set[str]:
    name = project.loop.name
    with project.store.reading() as tx:
        version = tx.versions.read(name, outcome.version)
        digests = [d for d in (version.digest, version.lineage.refit_of) if d is not None]
        return {record.verdict_id for digest in digests for record in tx.verdicts.for_challenger(name, digest)}


def tick(loop_file: LoopFile, json: AsJson = False) -> None:
    """Observe, decide and act once, and wait for a training that this starts: for cron or any orchestrator.

    Where the table cannot be used, all is done that needs none, and the exit code is 2.
    """
    with open_project(loop_file) as project, hold_control(project.store, loop=project.loop.name):
        controller = project.make_controller()
        with progress_bar("looking"):
            moves = list(controller.tick())
            if any(isinstance(move, StartRun) for move in moves) or controller.read_state().is_training:
                controller.finish_training()
                moves += controller.tick()
        write_traffic_file(project.store)
        controller.write_windows(project.clock.now())
    _tell_look(project.loop.name, moves, controller.table_problem, json=json)


def _tell_look(loop: str, moves: Sequence[Move], table_problem: str, *, json: bool) -> None:
    told = [{"move": type(move).__name__, "sentence": _tell(move)} for move in moves]
    if json:
        print_json({"loop": loop, "moves": told, "table_problem": table_problem})
    else:
        for entry in told:
            say(f"{entry['move']}: {entry['sentence']}")
        if not told:
            say("Nothing to do.")
    if table_problem:
        print_error(f"The table cannot be used, so nothing is trained: {table_problem}")
        raise typer.Exit(EXIT_UNUSABLE)


def _tell(move: object) -> str:
    if isinstance(move, StartRun):
        return move.reason
    if isinstance(move, HoldRollout | RefuseRun):
        return move.sentence
    return str(getattr(move, "sentence", ""))


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(train)
    app.command()(tick)
