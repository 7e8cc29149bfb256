"""demo: the story of a year of real flights."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from holdtrue.clock import ScaledClock
from holdtrue.demo import SEPTEMBER, tell_scene, tell_story
from holdtrue.domain import BacktestResult
from holdtrue.project import StoredView, open_project
from holdtrue.report import Figures, tell_explanation

from .backtest import print_backtest
from .console import Bar, print_error, print_figures, print_json, progress_bar, say


class Screen:
    """Tells the story on the screen; `say` is where its sentences go."""

    def __init__(self, bar: Bar, say: Callable[[str], None]) -> None:
        self._bar, self._say = bar, say

    def say(self, text: str) -> None:
        """Show a sentence."""
        self._say(text)

    def show(self, figures: Figures) -> None:
        """Show a table."""
        if self._say is say:
            print_figures(figures)

    def progress(self, *, done: float, total: float | None, text: str) -> None:
        """Move the bar."""
        self._bar.update(done=done, total=total, text=text)


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo works and leaves its report.")] = Path("holdtrue-demo"),
    keep: Annotated[bool, typer.Option("--keep", help="Leave the page up at the end, until Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object; the story goes to stderr.")] = False,
) -> None:
    """Replay a year of real flights under four policies, then run the loop live through a few weeks of September."""
    tell = print_error if json else say
    with progress_bar("demo") as bar:
        told = tell_story(folder, Screen(bar, tell), show_backtest=_show_nothing if json else print_backtest)
    project_folder = folder / "healthy"
    clock = ScaledClock(SEPTEMBER + timedelta(days=28), began_unix=time.time(), speed=1.0)
    with open_project(project_folder / "loop.py", clock=clock) as project:
        view = StoredView(project=project)
        last = str(told.scenes[0].sent.get("last_id", ""))
        if last:
            tell(f"Why? holdtrue why {last} --loop {project_folder / 'loop.py'}")
            for line in tell_explanation(view.explain(last)):
                tell(line)
        tell(f"Report: {told.report}   Picture: {told.picture}   ({told.seconds:.0f} s)")
        if json:
            scenes = [{"name": s.name, "told": tell_scene(s), "n_exposed": s.n_exposed} for s in told.scenes]
            print_json({"backtest": told.backtest, "scenes": scenes, "seconds": told.seconds})
        if keep:
            _keep_page(view)


def _show_nothing(_: BacktestResult) -> None:
    """Leave the figures to the JSON object."""


def _keep_page(view: StoredView) -> None:
    from holdtrue.web import start_page

    with start_page(view, port=8787) as page:
        say(f"The page is {page.url}; Ctrl-C ends it.")
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            return


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(demo)
