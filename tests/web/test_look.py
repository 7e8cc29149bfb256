from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from holdtrue.report import draw_quality
from holdtrue.web import start_page

from .fake_view import FakeView, make_drawing_run, make_entry, make_view, make_windows

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.look,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's Chromium is not installed (/usr/bin/chromium)"),
]


@contextmanager
def open_page(view: FakeView, *, width: int = 1100, scheme: str = "light", path: str = "/") -> Iterator[tuple]:
    """Open a page in a real browser; yield it with the list of what its console complained about."""
    with start_page(view, port=0) as server, api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(server.url + path)
        page.wait_for_load_state("networkidle")
        yield page, complaints
        browser.close()


def test_the_page_is_whole_in_a_browser() -> None:
    with open_page(make_view()) as (page, complaints):
        assert page.get_by_text("v4 is in charge since 22 Sep 2013").is_visible()
        assert page.get_by_text("v5 answers 5\u00a0% from now on").is_visible()
        assert page.get_by_text("The risk of v4 has risen: 0.49").is_visible()
        for name in ("quality", "evidence"):
            image = page.locator(f"img.{name}")
            assert image.evaluate("image => image.complete && image.naturalWidth") > 800
        bar = page.locator("rect.champion").bounding_box()
        whole = page.locator("svg.shares").bounding_box()
        assert bar["width"] / whole["width"] == pytest.approx(0.95, abs=0.01)
        assert complaints == []


def test_the_page_fits_a_telephone_at_night() -> None:
    with open_page(make_view(), width=400, scheme="dark") as (page, complaints):
        assert page.evaluate("document.documentElement.scrollWidth") == 400
        assert page.locator("img.quality").evaluate("image => image.currentSrc").endswith("-narrow.svg")
        assert page.locator("img.quality").evaluate("image => image.naturalWidth") < 400
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 19, 23)"
        assert complaints == []


def test_the_page_refreshes_by_itself_and_keeps_what_the_reader_opened_and_wrote() -> None:
    view = make_view()
    with open_page(view) as (page, complaints):
        page.get_by_text("2 earlier decisions").click()
        page.get_by_text("Decide by hand").click()
        page.locator("form[action='/api/promote'] input[name=reason]").fill("half a rea")
        loop = view.shown.loops[0]
        entry = make_entry(28, "promote", "v5 was promoted while you were looking.")
        view.shown = replace(view.shown, loops=(replace(loop, decisions=(entry, *loop.decisions)),))
        page.get_by_text("v5 was promoted while you were looking.").wait_for(timeout=6_000)
        assert page.get_by_text("v1 was promoted").is_visible()
        assert page.locator("form[action='/api/promote'] input[name=reason]").input_value() == "half a rea"
        assert complaints == []


def test_an_order_is_asked_back_and_then_carried_out() -> None:
    view = make_view()
    with open_page(view) as (page, complaints):
        page.get_by_text("Decide by hand").click()
        page.locator("form[action='/api/rollback'] input[name=reason]").fill("it hurts")
        page.once("dialog", lambda dialog: dialog.dismiss())
        page.get_by_role("button", name="Stop the rollout").click()
        assert view.orders == []
        page.once("dialog", lambda dialog: dialog.accept())
        with page.expect_navigation():
            page.get_by_role("button", name="Stop the rollout").click()
        assert view.orders == [("rollback", "late-flights", "it hurts")]
        assert complaints == []


def test_the_page_says_when_holdtrue_no_longer_answers() -> None:
    with open_page(make_view()) as (page, _):
        assert page.locator("#stale").is_hidden()
        page.route("**/live", lambda route: route.abort())
        page.locator("#stale").wait_for(state="visible", timeout=6_000)
        page.unroute("**/live")
        page.locator("#stale").wait_for(state="hidden", timeout=6_000)


def test_what_a_run_drew_is_shown_and_runs_nothing() -> None:
    attack = (
        b"<svg xmlns='http://www.w3.org/2000/svg' width='300' height='80' onload=\"document.title='taken'\">"
        b"<script>document.title='taken'</script><circle cx='40' cy='40' r='30' fill='teal'/></svg>"
    )
    chart = draw_quality(make_windows())
    assert chart is not None
    drawn = chart.png(scale=1)
    view = make_view(replace(make_view().shown.loops[0], runs=(make_drawing_run(png=drawn, svg=attack),)))
    view.pictures = {"p" * 64: drawn, "s" * 64: attack}
    with open_page(view) as (page, complaints):
        page.get_by_text("What the run run-3 drew").click()
        for kind in ("png", "svg"):
            image = page.locator(f"img.kept.{kind}")
            image.scroll_into_view_if_needed()
            page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=image.element_handle())
        page.wait_for_timeout(2_500)  # the page has refreshed itself, and what was opened stays open
        assert page.locator("img.kept.svg").is_visible()
        assert page.title() == "airport · holdtrue"
        assert complaints == []
        page.goto(f"{page.url}figure/{'s' * 64}")
        assert page.title() != "taken"


def test_injected_markup_runs_nothing() -> None:
    attack = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    view = make_view()
    loop = view.shown.loops[0]
    view.shown = replace(view.shown, loops=(replace(loop, decisions=(make_entry(1, "a", attack),), notes=(attack,)),))
    with open_page(view) as (page, complaints):
        page.wait_for_timeout(2_500)
        assert page.title() == "airport · holdtrue"
        assert page.get_by_text("<script>document.title").first.is_visible()
        assert complaints == []


def test_why_is_whole_in_a_browser() -> None:
    with open_page(make_view(), path="/why/p-0001") as (page, complaints):
        assert page.get_by_role("heading", name="Why v5 answered True").is_visible()
        assert page.get_by_text("It loses 0.07 less than the simple baseline.").is_visible()
        assert complaints == []
