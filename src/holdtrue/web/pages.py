"""Pages: the HTML of the overview, of one answer, and of what went wrong."""

import hashlib
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from holdtrue.clock import format_span
from holdtrue.domain import Explanation, Overview
from holdtrue.report import format_moment, format_number, format_share, read_style, tell_answer, tell_explanation
from holdtrue.web.card import lay_card
from holdtrue.web.gallery import Gallery

STATIC_FILES = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


@cache
def read_static(name: str) -> bytes:
    """Return a static file; the page's style sheet begins with the one that reports share."""
    own = files("holdtrue.web").joinpath("static", name).read_bytes()
    return read_style().encode() + own if name == "page.css" else own


@cache
def static_url(name: str) -> str:
    """Return the address of a static file, which changes with its bytes, so that browsers may keep it for ever."""
    return f"/static/{name}?v={hashlib.sha256(read_static(name)).hexdigest()[:12]}"


def render_overview(overview: Overview, gallery: Gallery, *, is_fragment: bool = False) -> str:
    """Return the page of a project, or as a fragment only the part of it that changes."""
    cards = [lay_card(loop, gallery) for loop in overview.loops]
    template = _open_templates().get_template("live.html" if is_fragment else "overview.html")
    return template.render(overview=overview, cards=cards, clock=_tell_clock(overview))


def render_explanation(explanation: Explanation) -> str:
    """Return the page that says why an answer was what it was."""
    prediction, version = explanation.prediction, explanation.version
    classes = tuple(version.signature.classes) if version is not None else ()
    answer = tell_answer(prediction, classes=classes)
    sentences = tell_explanation(explanation)
    # Verdicts, decisions and refusals stand in their own lists on this page.
    n_told = len(explanation.verdicts) + len(explanation.decisions) + len(explanation.refusals)
    told = sentences[: len(sentences) - n_told]
    return _open_templates().get_template("why.html").render(explanation=explanation, answer=answer, sentences=told)


def render_message(title: str, sentences: list[str]) -> str:
    """Return a page that only says something."""
    return _open_templates().get_template("message.html").render(title=title, sentences=sentences)


def _tell_clock(overview: Overview) -> str:
    now = f"{format_moment(overview.now)} UTC"
    if overview.clock_speed == 1:
        return now
    return f"{now}, in a replay: a second is {format_span(timedelta(seconds=overview.clock_speed))}"


@cache
def _open_templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("holdtrue.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = _say_moment
    environment.filters["share"] = format_share
    environment.filters["number"] = format_number
    environment.filters["tell"] = lambda sentence: sentence.replace(" %", "\u00a0%")
    environment.globals["static"] = static_url
    return environment


def _say_moment(moment: datetime) -> str:
    return format_moment(moment)
