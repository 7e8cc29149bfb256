"""card: the model card of a version, made from evidence alone."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.project import gather_card, open_project, read_pictures

from .console import print_figures, print_json, say


def card(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")] = Path("loop.py"),
    version: Annotated[str, typer.Argument(help='A number, such as 3, or "champion".')] = "champion",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained HTML page here.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown here.")] = None,
) -> None:
    """Tell what is known of a version: its use, data, code, verdicts, slices, quality since, and what is not known."""
    from holdtrue.report import check_targets, list_card_sections, render_card, write_text

    check_targets(html, markdown)
    with open_project(loop_file) as project:
        found = gather_card(project, version)
        pictures = read_pictures(project, found.run)
    if html is not None:
        write_text(html, render_card(found, pictures=pictures))
    if markdown is not None:
        write_text(markdown, render_card(found, as_markdown=True, pictures=pictures))
    if json:
        print_json(found)
        return
    for section in list_card_sections(found, pictures=pictures):
        if not section.is_folded:
            say(f"\n{section.heading}")
            for sentence in section.sentences:
                say(f"  {sentence}")
            for picture in section.pictures:
                say(f"  {picture.title}: --html FILE shows it.")
            for table in section.tables:
                print_figures(table)
    for path in (html, markdown):
        if path is not None:
            say(f"Card: {path}")


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(card)
