"""Notes: metrics, parameters and figures that a step keeps beside what it returns; outside of a run they are dropped.

A call is checked the same everywhere, so that a mistake in it is found in a notebook and not after an hour of training.
"""

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Real
from typing import TypeVar

from holdtrue.domain import Json
from holdtrue.environments import is_text
from holdtrue.errors import DeclarationError
from holdtrue.pipeline.figure import draw_figure

Value = TypeVar("Value")

MOST_NAMES = 1_000
MOST_FIGURES = 50
_LONGEST_NAME = 200
_LONGEST_VALUE = 10_000


class Notebook:
    """What one step notes down while it runs; each name keeps what it was given last."""

    def __init__(self) -> None:
        self.metrics: dict[str, float | None] = {}
        self.parameters: dict[str, Json] = {}
        self.figures: dict[str, tuple[str, bytes]] = {}


_notebook: ContextVar[Notebook | None] = ContextVar("notebook", default=None)


class _Process:
    """Holds the open notebooks: threads do not inherit a ContextVar, and user code may start threads."""

    lock = threading.Lock()
    opened: tuple[Notebook, ...] = ()


def note_metric(name: str, value: float) -> None:
    """Keep a number with the run of the step that calls this; the last of a name counts.

    A number that is not finite is kept as missing. Outside of a run this does nothing but check what it is given.

    Raises:
        DeclarationError: the value is no number, or the name is no text of 1 to 200 characters.

    >>> note_metric("rows without a label", 12)
    """
    _check_name(name, "metric")
    given: object = value
    if not isinstance(given, int | float | Real):  # Real: what numpy gives
        raise DeclarationError(f"the metric {name} is a {type(given).__name__}", expected="a number")
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond all floats
        number = math.inf
    notebook = _find_notebook()
    if notebook is not None:
        _keep(notebook.metrics, name, number if math.isfinite(number) else None, most=MOST_NAMES)


def note_parameter(name: str, value: Json) -> None:
    """Keep with the run what the step that calls this has chosen, such as a depth that it searched for.

    What a loop declares under `parameters=` is kept anyway. Outside of a run this does nothing but check.

    Raises:
        DeclarationError: the value is no JSON of at most 10,000 characters, or the name no text of 1 to 200.

    >>> note_parameter("depth", 6)
    """
    _check_name(name, "parameter")
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()  # half a character, as in a file's name that is no text, is kept nowhere
    except (TypeError, ValueError, RecursionError) as refusal:
        raise DeclarationError(
            f"the parameter {name} is a {type(value).__name__} ({refusal})",
            expected="None, bool, int, finite float, str, and lists and string-keyed dicts of these",
        ) from refusal
    if len(text) > _LONGEST_VALUE:
        raise DeclarationError(f"the parameter {name} is {len(text):,} characters of JSON", expected="10,000 at most")
    notebook = _find_notebook()
    if notebook is not None:
        _keep(notebook.parameters, name, json.loads(text), most=MOST_NAMES)


def keep_figure(name: str, picture: object) -> None:
    """Keep a picture with the run of the step that calls this; it is drawn at once.

    Args:
        name: 1 to 200 characters; the last picture of a name counts.
        picture: an Altair chart, a Matplotlib or Plotly figure, PNG or SVG bytes, or a text of SVG or HTML, of at most
            16 MiB.

    Raises:
        DeclarationError: it is none of these.

    >>> keep_figure("curve", "<svg xmlns='http://www.w3.org/2000/svg'/>")
    """
    _check_name(name, "figure")
    drawn = draw_figure(picture, name=name)
    notebook = _find_notebook()
    if notebook is not None:
        _keep(notebook.figures, name, drawn, most=MOST_FIGURES)


@contextmanager
def taking_notes() -> Iterator[Notebook]:
    """Give what is noted inside the block, from threads that it starts too."""
    notebook = Notebook()
    with _Process.lock:
        _Process.opened = (*_Process.opened, notebook)
    token = _notebook.set(notebook)
    try:
        yield notebook
    finally:
        _notebook.reset(token)
        with _Process.lock:
            _Process.opened = tuple(other for other in _Process.opened if other is not notebook)


def _find_notebook() -> Notebook | None:
    opened = _Process.opened
    return _notebook.get() or (opened[0] if len(opened) == 1 else None)


def _keep(names: dict[str, Value], name: str, value: Value, *, most: int) -> None:
    # Beyond the bound nothing new is kept: a training must not end because it notes too much.
    if name in names or len(names) < most:
        names[name] = value


def _check_name(name: object, kind: str) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not is_text(name):
        raise DeclarationError(f"a {kind} is called {name!r}", expected=f"a text of 1 to {_LONGEST_NAME} characters")
