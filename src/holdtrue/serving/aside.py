"""Aside: long work on one request's many rows, done in a thread, so that the event loop goes on answering others."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

FEW_ROWS = 256
FEW_BYTES = 32 << 10

_P = ParamSpec("_P")
_T = TypeVar("_T")
# One for the process: two long requests beside each other would take turns with the event loop twice as often.
_thread = ThreadPoolExecutor(1, thread_name_prefix="aside")


async def run_aside(is_long: bool, function: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
    """Call a function that touches nothing of the event loop: at once, or where it is long, aside.

    Args:
        is_long: whether the call takes more than some milliseconds.
        function: what to call.
        arguments: its arguments.
        named: its keyword arguments.
    """
    if not is_long:
        return function(*arguments, **named)
    return await asyncio.get_running_loop().run_in_executor(_thread, lambda: function(*arguments, **named))
