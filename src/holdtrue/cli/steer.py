"""promote and rollback: a person overrules the loop, and the audit says so."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.project import open_project

from .console import print_json, say

LoopFile = Annotated[Path, typer.Argument(help="The file that declares the loop.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the audit.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def promote(
    loop_file: LoopFile = Path("loop.py"), reason: Reason = "ordered by a person", json: AsJson = False
) -> None:
    """Put the challenger of the rollout under way in charge; refused when no passed verdict stands behind it."""
    with open_project(loop_file) as project:
        _tell(project.promote(reason), json=json)


def rollback(
    loop_file: LoopFile = Path("loop.py"), reason: Reason = "ordered by a person", json: AsJson = False
) -> None:
    """Stop the rollout under way, or else put the champion before back in charge."""
    with open_project(loop_file) as project:
        _tell(project.rollback(reason), json=json)


def _tell(sentence: str, *, json: bool) -> None:
    if json:
        print_json({"sentence": sentence})
    else:
        say(sentence)


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(promote)
    app.command()(rollback)
