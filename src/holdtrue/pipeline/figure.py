"""Figure: pictures of many kinds as the bytes of an SVG, PNG or HTML file."""

import io
from typing import Any

from holdtrue.environments import is_text
from holdtrue.errors import DeclarationError

MOST_BYTES = 16 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_EXPECTED = (
    "an Altair chart, a Matplotlib or Plotly figure, the bytes of a PNG or SVG file, or a text of SVG or HTML "
    f"of at most {MOST_BYTES >> 20} MiB"
)


def draw_figure(picture: Any, *, name: str) -> tuple[str, bytes]:
    """Return the kind of a picture (svg, png or html) and the bytes of its file.

    Raises:
        DeclarationError: it is nothing that can be kept as a picture, or larger than 16 MiB.

    >>> draw_figure("<svg xmlns='http://www.w3.org/2000/svg'/>", name="empty")[0]
    'svg'
    """
    kind, data = _draw(picture, name)
    if len(data) > MOST_BYTES:
        raise DeclarationError(
            f"the figure {name} takes {len(data) / 2**20:,.1f} MiB", expected=_EXPECTED, remedy="draw fewer points"
        )
    return kind, data


def _draw(picture: Any, name: str) -> tuple[str, bytes]:
    if isinstance(picture, bytes | str):
        if isinstance(picture, str) and not is_text(picture):
            raise _refuse("a text that UTF-8 cannot say", name)
        return _name_kind(picture if isinstance(picture, bytes) else picture.encode(), name)
    if hasattr(picture, "to_dict") and type(picture).__module__.partition(".")[0] == "altair":
        from holdtrue.report import Chart

        return "svg", Chart(name, "", picture.to_dict()).svg().encode()
    if hasattr(picture, "savefig"):
        file = io.BytesIO()
        picture.savefig(file, format="png")
        return "png", file.getvalue()
    if hasattr(picture, "to_html") and type(picture).__module__.partition(".")[0] == "plotly":
        return "html", str(picture.to_html(include_plotlyjs=True)).encode()
    if hasattr(picture, "svg") and callable(picture.svg):  # a chart of holdtrue's own reports
        return "svg", str(picture.svg()).encode()
    raise _refuse(f"a {type(picture).__module__}.{type(picture).__qualname__}", name)


def _name_kind(data: bytes, name: str) -> tuple[str, bytes]:
    start = data[:1024].lstrip().lower()
    if data.startswith(_PNG):
        return "png", data
    if start.startswith(b"<svg") or (start.startswith((b"<?xml", b"<!doctype svg")) and b"<svg" in start):
        return "svg", data
    if start.startswith(b"<"):
        return "html", data
    raise _refuse(f"{len(data):,} bytes that begin with {data[:8]!r}", name)


def _refuse(found: str, name: str) -> DeclarationError:
    return DeclarationError(f"the figure {name} is {found}", expected=_EXPECTED)
