from datetime import UTC, datetime

from holdtrue.domain import Run
from holdtrue.report import Section, render_report
from holdtrue.report.picture import MOST_BYTES, lay_pictures

NOTES = {"step": "fit", "key": "k"}
STEP = {"name": "fit", "key": "k", "is_cached": False, "output": "o", "wall_seconds": 1.0}


def make_run(*figures: tuple[str, str, int]) -> Run:
    kept = [{"name": name, "kind": kind, "artifact": name, "n_bytes": n_bytes} for name, kind, n_bytes in figures]
    at = datetime(2024, 1, 1, tzinfo=UTC)
    return Run(run_id="r" * 32, loop="l", reason="", as_of=at, parameters={"notes": [{**NOTES, "figures": kept}]})


def test_pictures_stand_in_the_page_and_what_can_not_is_named_with_the_way_to_it() -> None:
    run = make_run(("curve", "svg", 6), ("chart", "html", 4_000_000), ("lost", "png", 3))
    shown, named = lay_pictures(run, {"curve": b"<svg/>", "chart": b"<p>"})
    assert [picture.address for picture in shown] == ["data:image/svg+xml;base64,PHN2Zy8+"]
    assert "chart, kept by the step fit (html, 4.0 MB), is not shown here: holdtrue runs show rrrr" in named[0]
    assert "lost" in named[1]
    page = render_report("t", [Section(heading="What its steps drew", sentences=named, pictures=shown)])
    assert 'src="data:image/svg+xml;base64,PHN2Zy8+" alt="curve, kept by the step fit"' in page
    assert "img-src data:" in page


def test_a_page_does_not_grow_without_end() -> None:
    run = make_run(*((f"{n}", "png", MOST_BYTES // 4) for n in range(6)))
    shown, named = lay_pictures(run, {f"{n}": b"x" for n in range(6)})
    assert (len(shown), len(named)) == (4, 2)
