"""Markdown: the sections of a report as text for a pull request; charts are told by their words."""

import re
from collections.abc import Sequence

from holdtrue.report.figures import Figures, format_cell
from holdtrue.report.page import Section

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def render_markdown(title: str, sections: Sequence[Section], *, lede: str = "") -> str:
    """Return the same report as `render_report`, in GitHub's Markdown; folded sections open on a click there too.

    >>> print(render_markdown("v2", [Section(heading="In short", sentences=("It is better.",))]))
    ## v2
    <BLANKLINE>
    ### In short
    <BLANKLINE>
    It is better.
    <BLANKLINE>
    """
    parts = [f"## {_escape(title)}", *([_escape(lede)] if lede else [])]
    for section in sections:
        body = [*map(_escape, section.sentences)]
        body += [f"*{_escape(chart.title)}.* {_escape(chart.words)}" for chart in section.charts]
        body += [f"*{_escape(picture.title)}.* The HTML page shows it." for picture in section.pictures]
        body += [_render_table(table) for table in section.tables]
        heading = _escape(section.heading)
        if section.is_folded:
            parts += [f"<details><summary>{heading}</summary>", *body, "</details>"]
        else:
            parts += [f"### {heading}", *body]
    return "\n\n".join(parts) + "\n"


def _render_table(table: Figures) -> str:
    marks = ["---:" if is_number else ":---" for is_number in table.numeric]
    rows = [_render_row([format_cell(cell) for cell in row]) for row in table.rows]
    head = [_render_row(table.header), f"| {' | '.join(marks)} |"]
    return f"{_escape(table.caption)}\n\n" + "\n".join([*head, *rows])


def _render_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_escape(cell) for cell in cells)} |"


def _escape(text: str) -> str:
    """Keep what a user named from becoming markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
