"""Chart: one picture, as SVG for pages and PNG for everything else, drawn on the server without a browser."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import altair as alt
import vl_convert
from markupsafe import escape

from holdtrue.report.palette import DARK_STYLE, GRID, MUTED, TEXT

WIDE = 780
"""Width of the plot, in CSS pixels, where there is room."""
NARROW = 272
"""Width of the plot on a telephone: text keeps its size, the plot shrinks."""

Drawing = Any
"""An Altair chart of any kind; its own types tell layers, concatenations and facets apart at each operator."""

_MEASURED_FONT = "Liberation Sans"
# Arial, Helvetica and Liberation Sans are of one width, so that nothing is cut off or runs into its neighbour.
_SHOWN_FONTS = "'Liberation Sans', Arial, Helvetica, sans-serif"
_VEGA_LITE = "6.4"

_CONFIG: dict[str, Any] = {
    "font": _MEASURED_FONT,
    "background": None,
    "padding": {"left": 2, "right": 8, "top": 4, "bottom": 2},
    "view": {"stroke": None},
    "title": {
        "color": TEXT.light,
        "subtitleColor": MUTED.light,
        "anchor": "start",
        "fontSize": 16,
        "subtitleFontSize": 12,
    },
    "axis": {
        "labelColor": MUTED.light,
        "titleColor": MUTED.light,
        "gridColor": GRID.light,
        "domainColor": GRID.light,
        "tickColor": GRID.light,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelPadding": 6,
        "titlePadding": 8,
        "tickSize": 4,
    },
    "axisX": {"grid": False, "labelFlush": False, "tickCount": {"expr": "width / 70"}},
    "axisY": {"domain": False, "ticks": False, "tickCount": 5},
    "legend": {
        "orient": "top",
        "direction": "horizontal",
        "title": None,
        "labelColor": TEXT.light,
        "labelFontSize": 12,
        "symbolStrokeWidth": 2.5,
        "symbolSize": 90,
        "offset": 8,
        "columnPadding": 14,
    },
    "text": {"fontSize": 12},
}


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        title: what it shows; a caption on pages, drawn into the PNG.
        words: what can be read off it, for those who do not see it.
        spec: the Vega-Lite specification.
    """

    title: str
    words: str
    spec: Mapping[str, Any]

    def svg(self) -> str:
        """Return it as SVG without title and ground, readable on a light page and, by its own style, on a dark one."""
        drawn: str = vl_convert.vegalite_to_svg(dict(self.spec), vl_version=_VEGA_LITE, allowed_base_urls=[])
        head, _, body = drawn.partition(">")
        shown = body.replace(f'font-family="{_MEASURED_FONT}"', f'font-family="{_SHOWN_FONTS}"')
        # Ids must differ between charts that stand in one page: a hidden chart's clip path would hide another's lines.
        own = f"c{hashlib.sha256(drawn.encode()).hexdigest()[:8]}-"
        shown = shown.replace('id="', f'id="{own}').replace("url(#", f"url(#{own}")
        style = f"<style>@media screen and (prefers-color-scheme:dark){{{DARK_STYLE}}}</style>"
        label = f' role="img" aria-label="{escape(self.title)}. {escape(self.words)}"'
        return f"{head}{label}>{style}{shown}"

    def png(self, scale: float = 2) -> bytes:
        """Return it as PNG with its title on white; `scale` is in device pixels for each CSS pixel."""
        titled = dict(self.spec) | {"title": self.title, "background": "#ffffff", "padding": 16}
        drawn: bytes = vl_convert.vegalite_to_png(titled, vl_version=_VEGA_LITE, scale=scale, allowed_base_urls=[])
        return drawn

    def narrow(self) -> "Chart":
        """Return the same chart for a narrow screen."""
        return Chart(self.title, self.words, _narrow(self.spec))


def finish_chart(drawing: Drawing, *, title: str, words: str) -> Chart:
    """Give a drawing the house's looks and make it a chart."""
    spec: dict[str, Any] = drawing.to_dict()
    return Chart(title, words, spec | {"config": _CONFIG})


def plot_rows(rows: Sequence[Mapping[str, Any]]) -> alt.Chart:
    """Begin a drawing of rows that are written into the specification itself: no file, no network."""
    data: Any = alt.Data(values=list(rows))  # type: ignore[no-untyped-call]
    return alt.Chart(data)


def moment_ms(moment: datetime) -> int:
    """Return a moment as Vega counts it: milliseconds since 1970 in UTC."""
    return round(moment.timestamp() * 1000)


def time_axis(begin: datetime, end: datetime, *, has_labels: bool = True) -> alt.X:
    """Return the axis of time in UTC for the field `at`: hours, days, months or years, as the span asks for."""
    day = "%b" if end - begin > timedelta(days=100) else "%-d %b"
    label = (
        "utcFormat(datum.value, utchours(datum.value) || utcminutes(datum.value) ? '%H:%M'"
        f" : utcdate(datum.value) > 1 ? '%-d %b' : utcmonth(datum.value) ? '{day}' : '%Y')"
    )
    axis = alt.Axis(labelExpr=label) if has_labels else alt.Axis(labels=False, ticks=False)
    domain = [moment_ms(begin), moment_ms(end)]
    return alt.X("at:T", title=None, axis=axis, scale=alt.Scale(type="utc", domain=domain))


def small_title(text: str) -> alt.TitleParams:
    """Return a quiet title for the second of two charts that stand together."""
    return alt.TitleParams(text, fontSize=12, fontWeight="normal", color=MUTED.light, offset=4, anchor="start")


def _narrow(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {key: NARROW if key == "width" and value == WIDE else _narrow(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_narrow(item) for item in part]
    return part
