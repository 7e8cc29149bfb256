"""Page: one self-contained HTML file of headings, sentences, charts and tables, without scripts."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from holdtrue.domain import BacktestResult
from holdtrue.report.chart import Chart
from holdtrue.report.figures import (
    Figures,
    format_cell,
    tabulate_losses,
    tabulate_periods,
    tabulate_policies,
    tabulate_standards,
)
from holdtrue.report.picture import Picture
from holdtrue.report.policies import draw_calibration, draw_comparisons, draw_policies
from holdtrue.report.sentences import tell_backtest
from holdtrue.report.words import format_moment, format_period, is_month


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a report: heading, sentences, charts, pictures, tables, in order. A folded one opens on a click."""

    heading: str
    sentences: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Figures, ...] = ()
    pictures: tuple[Picture, ...] = ()
    is_folded: bool = False


def render_report(
    title: str, sections: list[Section] | tuple[Section, ...], *, lede: str = "", made_at: datetime | None = None
) -> str:
    """Return one HTML file that holds all it needs, for light and dark screens, paper and telephones.

    Args:
        title: the heading of the whole.
        sections: its parts, in order.
        lede: one sentence below the title.
        made_at: when it was made, for the foot; None leaves it out, so that equal inputs give equal bytes.
    """
    template = _open_templates().get_template("report.html")
    foot = f"Made by holdtrue on {format_moment(made_at)} UTC." if made_at else "Made by holdtrue."
    return template.render(title=title, lede=lede, sections=sections, foot=foot, style=Markup(read_style()))


def render_backtest(result: BacktestResult, *, made_at: datetime | None = None) -> str:
    """Return the report of a backtest, see `list_backtest_sections`."""
    span = format_period(result.started_at, result.ended_at)
    title = f"What {result.loop} would have been worth"
    lede = f"A backtest: every decision of {span}, taken again with what was known at the time."
    return render_report(title, list_backtest_sections(result), lede=lede, made_at=made_at)


def list_backtest_sections(result: BacktestResult) -> tuple[Section, ...]:
    """Return a backtest as sections: the answer, the loss over time, the comparison, calibration and all figures."""
    compared, calibrated = draw_comparisons(result), draw_calibration(result)
    months = all(is_month(p.start, p.end) for policy in result.policies for p in policy.periods)
    sections = [
        Section(
            heading="In short",
            sentences=tell_backtest(result),
            charts=(compared,) if compared else (),
            tables=(tabulate_policies(result).turn(),),
        ),
        Section(
            heading="Month by month" if months else "Over time",
            charts=(draw_policies(result),),
            tables=(tabulate_losses(result),),
        ),
    ]
    if calibrated:
        sections.append(Section(heading="Did the shares come true?", charts=(calibrated,)))
    if result.standards:
        sections.append(Section(heading="What would another gate have done?", tables=(tabulate_standards(result),)))
    figures = tuple(tabulate_periods(policy) for policy in result.policies)
    sections.append(Section(heading="All figures", tables=figures, is_folded=True))
    if result.notes:
        sections.append(Section(heading="What to know about the data", sentences=result.notes))
    return tuple(sections)


@cache
def read_style() -> str:
    """Return the style sheet that reports and pages share."""
    return files("holdtrue.report").joinpath("style.css").read_text(encoding="utf-8")


@cache
def _open_templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("holdtrue.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = format_cell
    environment.filters["tell"] = lambda sentence: sentence.replace(" %", "\u00a0%")  # never parted from its number
    environment.filters["markup"] = Markup  # for charts alone: their words are escaped where they are drawn
    return environment
