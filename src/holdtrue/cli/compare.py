"""compare: two versions of a loop on the newest labelled rows that neither has seen."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.domain import Finding, VersionComparison
from holdtrue.project import compare_versions, open_project

from .console import print_figures, print_json, progress_bar, say

EXIT_INCONCLUSIVE = 4


def compare(
    first: Annotated[str, typer.Argument(help='The version that is asked about: a number, such as 3, or "champion".')],
    second: Annotated[str, typer.Argument(help="The version that it is held to.")] = "champion",
    loop_file: Annotated[Path, typer.Option("--loop", help="The file that declares the loop.")] = Path("loop.py"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report here.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown for a pull request here.")] = None,
) -> None:
    """Compare two versions on labelled rows that neither has seen. Exit code: 4 where there are too few of them."""
    from holdtrue.report import check_targets, render_versions, write_text

    check_targets(html, markdown)
    with open_project(loop_file) as project, progress_bar("comparing"):
        found = compare_versions(project, first, second)
        now = project.clock.now()
    if html is not None:
        write_text(html, render_versions(found, made_at=now))
    if markdown is not None:
        write_text(markdown, render_versions(found, as_markdown=True))
    if json:
        print_json(found)
    else:
        _print(found)
        for path in (html, markdown):
            if path is not None:
                say(f"Report: {path}")
    if found.finding is Finding.NO_DATA:
        raise typer.Exit(EXIT_INCONCLUSIVE)


def _print(found: VersionComparison) -> None:
    from holdtrue.report import tabulate_slices, tabulate_versions, tell_slices

    say(found.sentence)
    print_figures(tabulate_versions(found))
    if found.slices:
        say(tell_slices(found))
        print_figures(tabulate_slices(found))
    for note in found.notes:
        say(f"note: {note}")


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(compare)
