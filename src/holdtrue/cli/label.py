"""label: labels from a file, and which events want an early one."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from holdtrue.data import read_files, record_labels
from holdtrue.domain import LabelFact
from holdtrue.errors import LabelError
from holdtrue.project import list_wanted, open_project

from .console import print_json, say


def label(
    file: Annotated[
        Path | None, typer.Argument(help="Parquet or CSV with key (or prediction_id), label and at.")
    ] = None,
    loop_file: Annotated[Path, typer.Option("--loop", help="The file that declares the loop.")] = Path("loop.py"),
    wanted: Annotated[
        bool, typer.Option("--wanted", help="List, as CSV, the events drawn for an early label that have none yet.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Take labels from a file; the last one received for a key counts, earlier ones are kept."""
    if wanted:
        _list_wanted(loop_file, as_json=json)
        return
    if file is None:
        raise LabelError("no file is named", expected="a file of labels, or --wanted")
    frame = read_files(str(file), folder=Path(), texts=("key", "prediction_id")).frame
    with open_project(loop_file) as project:
        n_new = record_labels(project.store, read_facts(frame, project.loop.name))
    if json:
        print_json({"n_rows": frame.height, "n_new": n_new})
    else:
        say(f"{frame.height:,} labels read, {n_new:,} of them new")


def _list_wanted(loop_file: Path, *, as_json: bool) -> None:
    with open_project(loop_file) as project:
        found = list_wanted(project)
    if as_json:
        print_json({"loop": project.loop.name, "wanted": found})
        return
    say("key,answered_at,by")
    for each in found:
        say(f"{each.key},{each.answered_at.isoformat()},{each.by.isoformat()}")


def read_facts(frame: pl.DataFrame, loop: str) -> list[LabelFact]:
    """Return the labels of a frame.

    Raises:
        LabelError: a column is missing, a label is empty, or a moment has no time zone.
    """
    names = [name for name in ("key", "prediction_id") if name in frame.columns]
    if not names or "label" not in frame.columns:
        raise LabelError(
            f"the file has the columns {frame.columns}", expected="key or prediction_id, and label; at is optional"
        )
    if frame["label"].null_count():
        raise LabelError(f"{frame['label'].null_count()} labels are empty", remedy="leave these rows out")
    received = time.time()
    moments = _read_moments(frame) if "at" in frame.columns else [received] * frame.height
    columns = {name: frame[name].cast(pl.String).to_list() for name in names}
    return [
        LabelFact(
            loop=loop,
            label=value,
            at=moments[i],
            received_at=received,
            key=columns["key"][i] if "key" in columns else None,
            prediction_id=columns["prediction_id"][i] if "prediction_id" in columns else None,
        )
        for i, value in enumerate(frame["label"].to_list())
    ]


def _read_moments(frame: pl.DataFrame) -> list[float]:
    moments = []
    for row, value in enumerate(frame["at"].to_list()):
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise LabelError(
                f"at in row {row} is {value!r}", expected="a moment with a time zone, such as 2013-09-01T10:00:00Z"
            )
        moments.append(moment.astimezone(UTC).timestamp())
    return moments


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(label)
