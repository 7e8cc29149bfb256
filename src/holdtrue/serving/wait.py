"""Wait: how long a request over HTTP waits for its answer, as its header says or the project's target."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.requests import ClientDisconnect, Request

from holdtrue.serving.answer.patience import Patience
from holdtrue.serving.aside import run_aside
from holdtrue.serving.request.field import shorten
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.target import LONGEST_TIMEOUT_MS

TIMEOUT_HEADER = "x-request-timeout-ms"
_P = ParamSpec("_P")
_T = TypeVar("_T")


def read_patience(request: Request, usual_seconds: float | None) -> Patience:
    """Return how long a request waits, from now on; it stops waiting when its client has gone.

    Raises:
        Refused: the header says no time.
    """

    async def look() -> None:
        if await request.is_disconnected():
            raise ClientDisconnect

    return Patience(timeout_seconds=read_timeout(request.headers.get(TIMEOUT_HEADER), usual_seconds), look=look)


async def read_aside(
    patience: Patience | None, is_long: bool, function: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs
) -> _T:
    """Read a request's rows as `run_aside` does, unless its time is up before: then none of them is known.

    Raises:
        Refused: the time was up; what waits for its turn is taken back.
    """
    if not is_long:
        return function(*arguments, **named)
    return await finish_reading(
        patience or Patience(), asyncio.ensure_future(run_aside(True, function, *arguments, **named))
    )


async def finish_reading(patience: Patience, reading: "asyncio.Future[_T]") -> _T:
    """Return the rows of a request once they are read; raises `Refused` where its time is up before."""
    (rows,) = await patience.wait([reading])
    if rows is None:
        found, remedy = "the time was up before the rows were read", "send fewer rows at once, or give more"
        raise Refused(Code.DEADLINE_PASSED, found, remedy=remedy)
    return rows


def read_timeout(told: str | None, usual_seconds: float | None) -> float | None:
    """Return the seconds that a header gives; the usual ones without it.

    >>> read_timeout("250", None)
    0.25
    """
    if told is None:
        return usual_seconds
    is_whole = told.isascii() and told.isdecimal() and len(told) <= len(str(LONGEST_TIMEOUT_MS))
    if not is_whole or not 1 <= int(told) <= LONGEST_TIMEOUT_MS:
        raise Refused(
            Code.OUT_OF_RANGE,
            f"the header {TIMEOUT_HEADER} is {shorten(told)!r}",
            path=TIMEOUT_HEADER,
            expected=f"whole milliseconds from 1 to {LONGEST_TIMEOUT_MS}",
        )
    return int(told) / 1_000
