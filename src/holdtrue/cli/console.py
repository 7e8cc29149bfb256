"""Console: what is printed, and how: tables and progress for people, one JSON object for programs."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from holdtrue.report import Figures, format_cell

SECONDS_BETWEEN_LINES = 10.0

screen = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)


def print_error(text: str) -> None:
    """Print to the error stream, without markup."""
    errors.print(text, markup=False, highlight=False, emoji=False)


def say(text: str) -> None:
    """Print a sentence."""
    screen.print(text, markup=False, highlight=False, emoji=False)


def print_json(thing: object) -> None:
    """Print one JSON object to the output stream, and nothing else."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(thing), indent=2).decode() + "\n")


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, whole: Sequence[str] = ()
) -> None:
    """Print a table; numbers are put to the right. The columns in `whole` are never cut to fit the screen."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for i, name in enumerate(columns):
        is_number = all(isinstance(row[i], int | float) or row[i] in ("", None) for row in rows) and bool(rows)
        width = max((len(_text(row[i])) for row in rows), default=0) if name in whole else None
        table.add_column(name, justify="right" if is_number or i else "left", min_width=width)
    for row in rows:
        table.add_row(*[_text(cell) for cell in row])
    screen.print(table)


def print_figures(figures: Figures) -> None:
    """Print a table of a report."""
    table = Table(title=figures.caption, title_justify="left", title_style="bold", header_style="bold")
    for place, name in enumerate(figures.header):
        table.add_column(name, justify="right" if place else "left")
    for row in figures.rows:
        table.add_row(*[format_cell(cell) for cell in row])
    screen.print(table)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.4f}" if abs(cell) < 100 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


class Bar:
    """A progress bar that is told of work done; `update` may be called from a callback.

    Where the error stream is no terminal (a log, a continuous integration), a line is written now and then instead.
    """

    def __init__(self, progress: Progress, text: str) -> None:
        self._progress = progress
        self._task = progress.add_task(text, total=None)
        self._said_at = time.monotonic()

    def update(self, *, done: float, total: float | None, text: str) -> None:
        """Show how far it is."""
        self._progress.update(self._task, completed=done, total=total, description=text)
        if not errors.is_terminal and time.monotonic() - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            share = f" {done / total:.0%}".replace("%", " %") if total else ""
            print_error(f"{text}{share}")


@contextmanager
def progress_bar(text: str) -> Iterator[Bar]:
    """Show a progress bar on the error stream while the block runs, so that output stays clean."""
    columns: list[Any] = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=errors, transient=True) as progress:
        yield Bar(progress, text)
