"""init and check: a folder that runs, and what a declaration means before anything is trained."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from holdtrue.clock import RealClock, format_span
from holdtrue.data import (
    History,
    check_freshness,
    draft_schema,
    find_schema,
    read_history,
    read_logged,
    refuse_breaches,
)
from holdtrue.domain import Loop, Predictions, RolloutPlan, Schema, format_count
from holdtrue.errors import DeclarationError, SourceMissing
from holdtrue.loop import (
    LoopPolicy,
    check_demands,
    check_fallback,
    derive_rows,
    load_loop,
    make_policy,
    measure_pace,
    read_golden,
    tell_cadence,
    tell_triggers,
)
from holdtrue.project import find_price, read_settings
from holdtrue.rollout import tell_stage

from .console import print_json, print_table, say
from .schema import DEFAULT_NAME, describe_rules, print_schema, report_draft, save_draft, tell_oddities

EXAMPLES = {"bank": "finance", "bike": "retail", "flu": "healthcare", "gas": "manufacturing"}


def find_examples() -> Path:
    """Return the folder of the examples: inside the installed package, or beside the sources."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "examples", package.parents[1] / "examples"):
        if folder.is_dir():
            return folder
    raise SourceMissing("the examples are not installed", remedy="install holdtrue anew")


def init(
    name: Annotated[str, typer.Argument(help="The folder to make.")],
    example: Annotated[str, typer.Option(help=f"Real data to begin with: {', '.join(EXAMPLES)}.")] = "bike",
) -> None:
    """Make a folder that already runs: a loop file and real data to try it on."""
    if example not in EXAMPLES:
        raise DeclarationError(f"there is no example {example!r}", expected=f"one of {list(EXAMPLES)}")
    target = Path(name)
    if target.exists() and any(target.iterdir()):
        raise DeclarationError(f"{name} exists and is not empty", expected="a new name, or an empty folder")
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted((find_examples() / EXAMPLES[example]).iterdir()):
        if file.is_file():
            shutil.copy(file, target / file.name)
    say(f"Made {name}. Next: cd {name} && holdtrue check loop.py && holdtrue backtest loop.py")


def check(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")],
    path: Annotated[Path | None, typer.Argument(help="With --write-schema: the file to write.")] = None,
    write_schema: Annotated[
        bool, typer.Option("--write-schema", help="Write the schema as a file to review: schema.toml beside the loop.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="With --write-schema: overwrite a file that differs.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read the loop and its data, and say what holdtrue makes of them: schema, labels, pace, stages of a rollout.

    Where the loop declares a schema, all that breaks it is listed, and the exit code is 2.
    """
    if not write_schema and (path is not None or force):
        raise DeclarationError("a path or --force without --write-schema", expected="both with --write-schema only")
    loop, folder = load_loop(loop_file), loop_file.resolve().parent
    if isinstance(loop.data, Predictions):
        _check_log(loop, loop.data, folder, json=json)
        return
    declared = _find_declared(loop, folder, may_be_missing=write_schema)
    history = read_history(loop.table, folder=folder, task=loop.declared_task, schema=declared)
    if write_schema:
        draft = draft_schema(history.schema, declared)
        report_draft(save_draft(draft, path or folder / DEFAULT_NAME, is_forced=force), json=json)
        return
    history = _check_loop(loop, history, folder)
    policy = make_policy(loop, history)
    plan, cadence, n_golden = policy.plan, _tell_cadence(policy, history), _count_golden(loop, history, folder)
    if json:
        described = {"cadence": cadence, "triggers": list(tell_triggers(policy)), "n_golden_rows": n_golden}
        print_json(_describe(loop, history, plan) | described)
        return
    _print_history(loop, history, is_declared=declared is not None)
    say(f"Retrains on: {'; '.join(tell_triggers(policy))}.")
    if n_golden is not None:
        say(f"Golden set: {format_count(n_golden, 'labelled row')}.")
    if cadence is not None:
        say(f"Schedule: {cadence}.")
    say(f"Rollout: {plan.note}.")
    if plan.stages:
        from holdtrue.report import format_number  # not needed where the gate alone decides

        shown = [(tell_stage(stage), stage.min_rows, format_number(stage.expected_days)) for stage in plan.stages]
        print_table("Stages", ["stage", "labelled rows", "expected days"], shown)


def _check_loop(loop: Loop, history: History, folder: Path) -> History:
    """Refuse rows that are too old and declarations that these rows cannot keep; return them with computed columns."""
    stale = check_freshness(history.ends_at, history.declared, RealClock().now())
    refuse_breaches([stale] if stale else [], history.source)
    derived = derive_rows(history, loop)
    check_demands(loop, derived)
    check_fallback(loop, derived)
    find_price(loop, read_settings(folder))
    return derived


def _check_log(loop: Loop, declared: Predictions, folder: Path, *, json: bool) -> None:
    logged = read_logged(declared, folder=folder, task=loop.declared_task)
    if json:
        print_json(_describe_history(loop, logged.history) | {"versions": list(logged.versions)})
        return
    _print_history(loop, logged.history)
    if declared.version is not None:
        say(f"Versions: {', '.join(logged.versions)}.")
    say("This loop only watches: holdtrue watch shows how good these predictions were.")


def _print_history(loop: Loop, history: History, *, is_declared: bool = False) -> None:
    n_labelled = history.n_rows - history.frame["__label"].null_count()
    say(
        f"{loop.name}: {history.task.value}, {format_count(history.n_rows, 'row')} "
        f"of {history.source}, {n_labelled:,} with a label"
    )
    span = f"from {history.starts_at:%Y-%m-%d} to {history.ends_at:%Y-%m-%d}"
    say(f"{span}; a label is due {format_span(history.label_delay)} after")
    for note in [*history.notes, *tell_oddities(history.schema)]:
        say(f"note: {note}")
    print_schema(history.schema, is_declared=is_declared)
    if history.features:
        say(f"Computed, not carried by requests: {', '.join(feature.name for feature in history.features)}.")
    if history.late_names:
        say(
            f"Known only with the label: {', '.join(history.late_names)}. The table must bring it: labels that are sent"
            " for the log do not carry it."
        )


def _find_declared(loop: Loop, folder: Path, *, may_be_missing: bool) -> Schema | None:
    """Return the declared schema; one whose file is still to be written may be missing."""
    try:
        return find_schema(loop.schema, folder=folder)
    except SourceMissing:
        if not may_be_missing:
            raise
        return None


def _count_golden(loop: Loop, history: History, folder: Path) -> int | None:
    """Return how many labelled rows the golden set has; None where none is declared."""
    golden = None if loop.guards is None else loop.guards.golden
    if golden is None:
        return None
    return read_golden(loop, golden, folder=folder, task=history.task).dataset().n_rows


def _tell_cadence(policy: LoopPolicy, history: History) -> str | None:
    return tell_cadence(policy, measure_pace(history, policy.interval))


def _describe(loop: Loop, history: History, plan: RolloutPlan) -> dict[str, object]:
    stages = [
        {
            "stage": tell_stage(stage),
            "share": stage.share,
            "min_rows": stage.min_rows,
            "expected_days": stage.expected_days,
        }
        for stage in plan.stages
    ]
    return _describe_history(loop, history) | {
        "rollout": {"note": plan.note, "expected_days": plan.expected_days, "stages": stages}
    }


def _describe_history(loop: Loop, history: History) -> dict[str, object]:
    return {
        "loop": loop.name,
        "task": history.task.value,
        "classes": list(history.classes),
        "n_rows": history.n_rows,
        "n_labelled": history.n_rows - history.frame["__label"].null_count(),
        "starts_at": history.starts_at,
        "ends_at": history.ends_at,
        "label_delay_seconds": history.label_delay.total_seconds(),
        "columns": [{"name": c.name, "kind": c.kind.value, "nullable": c.nullable} for c in history.schema.columns],
        "rules": describe_rules(history.schema),
        "notes": [*history.notes, *tell_oddities(history.schema)],
    }


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(init)
    app.command()(check)
