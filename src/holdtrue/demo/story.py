"""Story: both acts, one after the other, with what they leave behind: tables, pictures and one report."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from holdtrue.backtest import Progress, run_backtest
from holdtrue.domain import BacktestResult, every
from holdtrue.loop import load_loop
from holdtrue.report import Figures, Section, draw_policies, list_backtest_sections, render_report

from .flights import write_flights
from .live import SEPTEMBER, Scene, Script, Stage
from .scenes import describe_scene, draw_scene, tabulate_scenes, tell_scene

MARCH = datetime(2013, 3, 1, 5, tzinfo=UTC)
DECLARATIONS = Path(__file__).parent
DAYS_PER_SECOND = 0.45


class Teller(Protocol):
    """Shows the story while it is told."""

    def say(self, text: str) -> None:
        """Show a sentence."""
        ...

    def show(self, figures: Figures) -> None:
        """Show a table."""
        ...

    def progress(self, *, done: float, total: float | None, text: str) -> None:
        """Show how far it is."""
        ...


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the story showed, and where its report and picture are."""

    backtest: BacktestResult
    scenes: tuple[Scene, ...]
    report: Path
    picture: Path
    seconds: float


def tell_story(folder: Path, teller: Teller, *, show_backtest: Callable[[BacktestResult], None]) -> Told:
    """Tell both acts in a folder and return what they showed.

    Raises:
        SourceMissing: the flights are not installed.
    """
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    flights = folder / "flights.parquet"
    if not flights.exists():
        teller.progress(done=0, total=None, text="reading a year of flights")
        write_flights(flights)
    teller.say("Act 1. What would this loop have been worth last year?")
    result = replay_year(folder, teller)
    show_backtest(result)
    picture = folder / "backtest.png"
    picture.write_bytes(draw_policies(result).png())
    scenes = play_scenes(folder, flights, teller)
    report = folder / "report.html"
    table = tabulate_scenes(scenes)
    teller.show(table)
    for chart in draw_scene(scenes[0])[:1]:
        (folder / "live.png").write_bytes(chart.png())
    live = Section(heading="Live: three challengers", tables=(table,))
    sections = [*list_backtest_sections(result), live, *[describe_scene(scene) for scene in scenes]]
    report.write_text(render_report("A year of flights, and a few weeks live", sections), encoding="utf-8")
    return Told(backtest=result, scenes=scenes, report=report, picture=picture, seconds=time.monotonic() - began)


def replay_year(folder: Path, teller: Teller) -> BacktestResult:
    """Return the backtest of March to December under all four policies."""
    loop_file = folder / "loop.py"
    loop_file.write_text((DECLARATIONS / "loop.py").read_text(encoding="utf-8"), encoding="utf-8")

    def show(progress: Progress) -> None:
        teller.progress(done=progress.done, total=progress.total, text=f"backtest: {progress.text}")

    return run_backtest(
        load_loop(loop_file),
        folder=folder,
        loop_file=loop_file.resolve(),
        start=MARCH,
        schedule=every(days=7),
        on_progress=show,
    )


def play_scenes(folder: Path, flights: Path, teller: Teller) -> tuple[Scene, ...]:
    """Play the live act: a good challenger, a bad one with shadow, and the bad one without."""
    scenes = []
    for name, file, is_bad, days in (
        ("healthy", "loop.py", False, 20.0),
        ("bad with shadow", "loop.py", True, 20.0),
        ("bad without shadow", "loop_unshadowed.py", True, 20.0),
    ):
        teller.say(f"Act 2, {name} challenger. September, {DAYS_PER_SECOND * 60:.0f} days a minute.")

        def look(now: datetime, _live: object, days: float = days) -> None:
            passed = (now - SEPTEMBER) / timedelta(days=1)
            teller.progress(done=passed, total=days, text=f"live: {now:%d %B}")

        stage = Stage(
            folder=folder / name.replace(" ", "-"),
            flights=flights.resolve(),
            loop_file=DECLARATIONS / file,
            days_per_second=DAYS_PER_SECOND,
            say=teller.say,
            on_look=look,
        )
        scene = stage.play(name, max_days=days, script=Script(is_bad=is_bad))
        teller.say(tell_scene(scene))
        scenes.append(scene)
    return tuple(scenes)
