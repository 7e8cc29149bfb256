import pytest

from holdtrue.errors import NotFound
from holdtrue.report import Chart
from holdtrue.report.chart import finish_chart, plot_rows
from holdtrue.web.gallery import Gallery


def draw_bar() -> Chart:
    return finish_chart(plot_rows([{"a": 1}]).mark_bar().encode(x="a:Q"), title="One", words="One.")


def test_equal_facts_are_drawn_once_and_only_when_asked() -> None:
    drawn: list[int] = []

    def draw() -> Chart:
        drawn.append(1)
        return draw_bar()

    gallery = Gallery()
    digest = gallery.hang((1, "a"), draw)
    assert gallery.hang((1, "a"), draw) == digest
    assert drawn == []
    assert gallery.svg(digest) == gallery.svg(digest)
    assert gallery.svg(digest, is_narrow=True).startswith("<svg")
    assert drawn == [1]


def test_the_oldest_chart_is_taken_down() -> None:
    gallery = Gallery(n_kept=2)
    first, second, third = (gallery.hang(number, draw_bar) for number in range(3))
    with pytest.raises(NotFound):
        gallery.svg(first)
    assert gallery.svg(second)
    assert gallery.svg(third)


def test_facts_that_give_nothing_to_draw_are_not_found() -> None:
    gallery = Gallery()
    with pytest.raises(NotFound):
        gallery.svg(gallery.hang("nothing", lambda: None))
