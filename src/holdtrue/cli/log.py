"""log: questions to the prediction log; its compaction, the erasure of a key, and what its requests looked like."""

from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from holdtrue.data import FrameProfile, LogQuery, erase_key, read_log_profiles
from holdtrue.domain import Json, format_clause, format_count, parse_span
from holdtrue.errors import DeclarationError
from holdtrue.project import Project, ask_log, export_log, keep_log, name_log_folder, open_project, read_settings
from holdtrue.stats import NumberProfile, Profile

from .console import print_json, print_table, progress_bar, say
from .moment import read_moment

LIMIT = 50
N_LEVELS = 3
SHOWN = ("time", "prediction_id", "key", "version", "score", "decision", "label")


def log(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")] = Path("loop.py"),
    since: Annotated[str | None, typer.Option(help='From this moment on: a span before now ("1h"), or a day.')] = None,
    until: Annotated[str | None, typer.Option(help="Before this moment.")] = None,
    where: Annotated[str | None, typer.Option(help='An SQL condition, such as "score > .9".')] = None,
    columns: Annotated[str | None, typer.Option(help="The columns wanted, separated by commas.")] = None,
    limit: Annotated[int | None, typer.Option(help="The last so many rows; 0 for all.", min=0)] = None,
    output: Annotated[Path | None, typer.Option(help="Write the rows to this Parquet file.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Say what the compacted requests looked like.")] = False,
    compact: Annotated[bool, typer.Option("--compact", help="Write segments as Parquet, remove old rows.")] = False,
    erase: Annotated[str | None, typer.Option(help="Remove all rows and labels of this key.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask the prediction log, beside the labels that came; `holdtrue why` explains each prediction_id."""
    if (profile + compact + (erase is not None)) > 1:
        raise DeclarationError("--profile, --compact and --erase are told together", expected="one of them")
    with open_project(loop_file) as project:
        if profile:
            _tell_profiles(project, as_json=json)
        elif compact:
            _compact(project, as_json=json)
        elif erase is not None:
            _erase(project, erase, as_json=json)
        else:
            now = project.clock.now()
            query = LogQuery(
                since=_read_edge(since, "--since", now),
                until=_read_edge(until, "--until", now),
                where=where,
                columns=_split(columns, is_shown=output is None and not json),
                limit=_choose_limit(limit, output),
            )
            _ask(project, query, output, as_json=json)


def _read_edge(text: str | None, option: str, now: datetime) -> datetime | None:
    if text is None:
        return None
    is_span = text.strip()[:1].isdigit() and text.strip()[-1:] in set("smhdw")
    return now - parse_span(text) if is_span else read_moment(text, option)


def _split(columns: str | None, *, is_shown: bool) -> tuple[str, ...] | None:
    if columns is None:
        return SHOWN if is_shown else None
    return tuple(name.strip() for name in columns.split(",") if name.strip())


def _choose_limit(limit: int | None, output: Path | None) -> int | None:
    if limit is None:
        return None if output is not None else LIMIT
    return limit or None


def _ask(project: Project, query: LogQuery, output: Path | None, *, as_json: bool) -> None:
    if output is not None:
        if output.suffix != ".parquet":
            raise DeclarationError(f"{output.name} has no known ending", expected="a name that ends with .parquet")
        with progress_bar("reading the log"):
            n_rows = export_log(project, query, output)
        if as_json:
            print_json({"loop": project.loop.name, "n_rows": n_rows, "path": str(output)})
        else:
            say(f"{format_count(n_rows, 'row')}: {output}")
        return
    with progress_bar("reading the log"):
        found = ask_log(project, query)
    if as_json:
        print_json({"loop": project.loop.name, "n_rows": found.height, "rows": found.to_dicts()})
    elif found.height:
        shown = found.with_columns(
            pl.col(pl.Datetime).dt.strftime("%Y-%m-%d %H:%M:%S"), pl.col(pl.Boolean).cast(pl.String)
        )
        empty = [name for name in shown.columns if shown[name].null_count() == shown.height]
        shown = shown.drop(empty) if query.columns == SHOWN else shown
        title = f"{project.loop.name}: {format_count(found.height, 'row')}"
        print_table(title, shown.columns, shown.rows(), whole=("prediction_id",))
    else:
        say(f"The log of {project.loop.name} has no such row")


def _compact(project: Project, *, as_json: bool) -> None:
    policy = read_settings(project.folder).log
    with progress_bar("compacting") as bar:
        compacted, removed = keep_log(
            project, policy, on_progress=lambda done, total: bar.update(done=done, total=total, text="compacting")
        )
    if as_json:
        print_json({"loop": project.loop.name, "compacted": compacted, "removed": removed})
        return
    stand = "stands" if compacted.n_rows == 1 else "stand"
    rows, segments = format_count(compacted.n_rows, "row"), format_count(compacted.n_segments, "segment")
    say(f"{rows} of {segments} now {stand} in Parquet")
    if compacted.n_twice:
        say(f"{format_count(compacted.n_twice, 'row')} had been written twice")
    if removed.n_expired or removed.n_dropped:
        say(
            f"{format_clause(removed.n_expired, 'row', one='was', many='were')} "
            f"past their time, {removed.n_dropped:,} went because of the budget"
        )
    for problem in compacted.problems:
        say(f"Left as it is: {problem}")


def _erase(project: Project, key: str, *, as_json: bool) -> None:
    erased = erase_key(project.store, project.loop.name, key)
    if as_json:
        print_json({"loop": project.loop.name, "n_rows": erased.n_rows, "n_labels": erased.n_labels})
    else:
        say(f"{format_count(erased.n_rows, 'row')} and {format_count(erased.n_labels, 'label')} of {key!r} were erased")


def _tell_profiles(project: Project, *, as_json: bool) -> None:
    days = read_log_profiles(name_log_folder(project))
    if as_json:
        told = [{"day": day.day, "version": day.version, "columns": _describe(day.profile)} for day in days]
        print_json({"loop": project.loop.name, "days": told})
        return
    if not days:
        say("No row has been compacted yet: holdtrue log --compact")
    for version in sorted({day.version for day in days}):
        mine = [day for day in days if day.version == version]
        whole = reduce(FrameProfile.add, (day.profile for day in mine))
        title = f"Requests to v{version}, {mine[0].day} to {mine[-1].day}: {format_count(whole.n_rows, 'row')}"
        rows = [_lay_out(name, column) for name, column in whole.columns.items()]
        print_table(title, ("feature", "missing", "mean", "least", "greatest", "commonest"), rows)


def _lay_out(name: str, column: Profile) -> tuple[str | float | None, ...]:
    missing = column.n_missing / max(1, column.n_rows)
    if isinstance(column, NumberProfile):
        return name, missing, column.mean, column.minimum, column.maximum, ""
    common = sorted(zip(column.levels, column.counts.tolist(), strict=True), key=lambda pair: -pair[1])[:N_LEVELS]
    return name, missing, None, None, None, ", ".join(f"{level} {count:,}" for level, count in common if count)


def _describe(profile: FrameProfile) -> dict[str, dict[str, Json]]:
    return {name: _describe_column(column) for name, column in profile.columns.items()}


def _describe_column(column: Profile) -> dict[str, Json]:
    plain: dict[str, Json] = {"n_rows": column.n_rows, "n_missing": column.n_missing}
    if isinstance(column, NumberProfile):
        return plain | {
            "mean": column.mean,
            "standard_deviation": column.standard_deviation,
            "minimum": column.minimum,
            "maximum": column.maximum,
        }
    levels: dict[str, Json] = dict(zip(column.levels, column.counts.tolist(), strict=True))
    return plain | {"levels": levels, "n_other": column.n_other}


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(log)
