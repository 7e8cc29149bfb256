"""The figures of speed as a picture: requests a second of each server, model by model, on a scale of tens.

python benchmarks/serving/picture.py [NAME]        # from the kept results; writes NAME.svg and NAME.png beside them
"""

import sys
from statistics import median
from typing import Any

import altair as alt
from speed_table import OURS
from venvs import RESULTS, read_results

from holdtrue.report.chart import finish_chart
from holdtrue.report.palette import BLUE, MUTED, TEXT

WIDTH, ROW = 620, 22


def draw_speed(found: dict[str, Any], name: str) -> None:
    """Write the picture of one run, as SVG and PNG."""
    panels, words = [], []
    for model, told in found["models"].items():
        rows = _gather(told)
        if not rows:
            continue
        panels.append(_draw(rows, f"{told['says']}, {rows[0]['level']} connections"))
        best = max(rows, key=lambda row: row["rate"])
        words.append(f"{model}: at most {best['rate']:,.0f} requests/s ({best['server']})")
    if not panels:
        return
    drawing = alt.vconcat(*panels, spacing=26)
    chart = finish_chart(drawing, title="Requests a second, one worker", words="; ".join(words))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.svg").write_text(chart.svg(), encoding="utf-8")
    (RESULTS / f"{name}.png").write_bytes(chart.png())


def _gather(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each server at the highest level: its median, and the range of its rounds."""
    levels = {int(level) for one in told["servers"].values() for turn in one["rounds"] for level in turn}
    level = str(max(levels, default=0))
    rows = []
    for server, one in told["servers"].items():
        rates = [turn[level]["requests_per_second"] for turn in one["rounds"] if level in turn]
        if rates:
            rate = median(rates)
            color = BLUE if server.startswith(OURS.partition(",")[0]) else MUTED
            rows.append({
                "server": server, "level": level, "rate": rate, "low": min(rates), "high": max(rates),
                "label": f"{rate:,.0f}", "color": color.light,
            })  # fmt: skip
    return sorted(rows, key=lambda row: -row["rate"])


def _draw(rows: list[dict[str, Any]], title: str) -> Any:
    order = [row["server"] for row in rows]
    low = 10 ** int(f"{min(row['low'] for row in rows):e}".partition("e")[2])
    high = max(row["high"] for row in rows) * 2.2
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    grounds = alt.Chart({"values": rows})
    y = alt.Y("server:N", sort=order, title=None, axis=alt.Axis(labelLimit=220, ticks=False, domain=False))
    axis = alt.Axis(grid=True, format="~s", values=[10**power for power in range(7) if low <= 10**power <= high])
    x = alt.X("rate:Q", scale=scale, title=None, axis=axis)
    color = alt.Color("color:N", scale=None)
    ranges = grounds.mark_rule(strokeWidth=4, opacity=0.35).encode(
        x=alt.X("low:Q", scale=scale, title=None, axis=axis), x2="high:Q", y=y, color=color
    )
    points = grounds.mark_point(size=70, filled=True, opacity=1).encode(x=x, y=y, color=color)
    labels = grounds.mark_text(align="left", dx=10).encode(
        x=alt.X("high:Q", scale=scale, axis=axis, title=None), y=y, text="label:N", color=alt.value(TEXT.light)
    )
    shown = alt.TitleParams(title, anchor="start", fontSize=13, fontWeight="normal", color=TEXT.light)
    return alt.layer(ranges, points, labels).properties(width=WIDTH, height=ROW * len(rows), title=shown)


if __name__ == "__main__":
    told_name = sys.argv[1] if len(sys.argv) > 1 else "serving-speed"
    draw_speed(read_results(told_name), told_name)
