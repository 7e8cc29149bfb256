"""register: a model of one's own, through the same gate as a trained one."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.project import bring_model, hold_control, open_project

from .console import progress_bar
from .moment import read_moment
from .train import finish_judging


def register(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")],
    model: Annotated[
        Path, typer.Argument(help="LightGBM text, XGBoost JSON or UBJSON, ONNX, skops, or an MLflow model folder.")
    ],
    trained_until: Annotated[
        str | None,
        typer.Option(help="No row that it was trained on is later (ISO 8601). Left out: when its file was written."),
    ] = None,
    convert: Annotated[
        bool,
        typer.Option(
            "--convert",
            help="MODEL is a pickle (joblib, cloudpickle) that you made yourself: read it in a child process, which "
            "RUNS THE CODE IN IT with all that you may do, and store it in a safe format.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Judge a model of your own on rows that it cannot have seen. Exit code: 0 passed, 3 failed, 4 inconclusive."""
    until = None if trained_until is None else read_moment(trained_until, "--trained-until")
    with open_project(loop_file) as project, hold_control(project.store, loop=project.loop.name):
        with progress_bar("judging"):
            outcome = bring_model(project, model, trained_until=until, converts=convert)
        finish_judging(project, outcome, json=json)


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(register)
