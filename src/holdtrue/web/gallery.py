"""Gallery: charts by the digest of the facts that they show; equal facts are drawn once."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from holdtrue.domain import digest_of
from holdtrue.errors import NotFound
from holdtrue.report import Chart

Draw = Callable[[], Chart | None]
_N_KEPT = 64


@dataclass
class _Picture:
    draw: Draw
    chart: Chart | None = None
    drawn: dict[bool, str] = field(default_factory=dict)


class Gallery:
    """Keeps the newest charts. Drawing takes .04 to .2 s, so it waits until a browser asks, and happens once."""

    def __init__(self, *, n_kept: int = _N_KEPT) -> None:
        self._n_kept = n_kept
        self._pictures: OrderedDict[str, _Picture] = OrderedDict()
        self._lock = threading.Lock()
        self._drawing = threading.Lock()

    def hang(self, facts: object, draw: Draw) -> str:
        """Return the digest by which the chart of these facts can be asked for; `draw` is called when someone does."""
        digest = digest_of(facts)[:32]
        with self._lock:
            self._pictures.setdefault(digest, _Picture(draw))
            self._pictures.move_to_end(digest)
            while len(self._pictures) > self._n_kept:
                self._pictures.popitem(last=False)
        return digest

    def svg(self, digest: str, *, is_narrow: bool = False) -> str:
        """Return a chart as SVG.

        Raises:
            NotFound: the digest is not, or no longer, in the gallery, or its facts give nothing to draw.
        """
        with self._lock:
            picture = self._pictures.get(digest)
        if picture is None:
            raise NotFound(f"no chart {digest!r} hangs here", remedy="load the page again")
        with self._drawing:
            if picture.chart is None:
                picture.chart = picture.draw()
            if picture.chart is None:
                raise NotFound(f"the facts of chart {digest!r} give nothing to draw")
            if is_narrow not in picture.drawn:
                picture.drawn[is_narrow] = (picture.chart.narrow() if is_narrow else picture.chart).svg()
            return picture.drawn[is_narrow]
