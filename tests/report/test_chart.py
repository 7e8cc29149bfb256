import re
import struct

from holdtrue.report import Chart, draw_policies
from holdtrue.report.chart import finish_chart, plot_rows
from holdtrue.report.palette import INKS

from .results import make_backtest


def make_bars(title: str = "Bars") -> Chart:
    drawing = plot_rows([{"a": "Gemüse <b>", "b": 3}]).mark_bar().encode(x="b:Q", y="a:N")
    return finish_chart(drawing, title=title, words='Three & "more".')


def test_svg_asks_nothing_of_the_network_and_runs_no_script() -> None:
    svg = draw_policies(make_backtest()).svg()
    assert "<script" not in svg
    assert "<image" not in svg
    links = set(re.findall(r'https?://[^"]+', svg))
    assert links == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_svg_has_no_ground_and_turns_its_own_colours_on_a_dark_screen() -> None:
    svg = make_bars().svg()
    assert 'fill="white"' not in svg
    assert "prefers-color-scheme:dark" in svg
    assert all(f'[fill="{ink.light}"]{{fill:{ink.dark}}}' in svg for ink in INKS)


def test_words_of_the_user_are_escaped_in_svg() -> None:
    svg = make_bars(title="<script>alert(1)</script>").svg()
    assert "<script" not in svg
    assert "Gemüse <b>" not in svg
    assert "Gemüse &lt;b&gt;" in svg
    assert 'aria-label="&lt;script&gt;alert(1)&lt;/script&gt;. Three &amp; &#34;more&#34;."' in svg


def test_svg_is_the_same_each_time() -> None:
    assert make_bars().svg() == make_bars().svg()


def test_png_is_a_png_of_twice_the_size() -> None:
    once, twice = make_bars().png(scale=1), make_bars().png()
    sizes = [struct.unpack(">II", data[16:24]) for data in (once, twice)]
    assert once[:8] == b"\x89PNG\r\n\x1a\n"
    assert sizes[1] == (2 * sizes[0][0], 2 * sizes[0][1])


def test_letters_are_really_drawn_into_a_png() -> None:
    # With no font to be found, text is dropped in silence and both pictures would be alike.
    assert make_bars(title="Bars").png() != make_bars(title="Rabs").png()


def test_a_narrow_chart_keeps_its_words_and_is_narrower() -> None:
    chart = make_bars()
    wide = draw_policies(make_backtest())
    widths = [int(re.search(r'width="(\d+)"', svg).group(1)) for svg in (wide.svg(), wide.narrow().svg())]  # type: ignore[union-attr]
    assert chart.narrow().title == chart.title
    assert widths[1] <= 360 < 800 < widths[0] <= 880


def test_ids_differ_between_charts_of_one_page() -> None:
    ids = [set(re.findall(r'id="([^"]+)"', make_clipped(height).svg())) for height in (100, 120)]
    assert ids[0]
    assert ids[0].isdisjoint(ids[1])


def make_clipped(height: int) -> Chart:
    drawing = plot_rows([{"a": 1, "b": 3}, {"a": 2, "b": 4}]).mark_line(clip=True).encode(x="a:Q", y="b:Q")
    return finish_chart(drawing.properties(height=height), title="Clipped", words="")
