import asyncio
import threading

import pytest

from holdtrue.serving.answer.patience import Patience
from holdtrue.serving.aside import run_aside
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.wait import read_aside


def test_long_work_leaves_the_event_loop_to_others():
    began, may_end = threading.Event(), threading.Event()

    def work():
        began.set()
        return may_end.wait(10)

    async def main():
        task = asyncio.create_task(run_aside(True, work))
        while not began.is_set():
            await asyncio.sleep(0.001)
        may_end.set()  # only an event loop that goes on comes here
        return await task

    assert asyncio.run(main())


def test_short_work_is_done_where_it_is_asked_for():
    assert asyncio.run(run_aside(False, threading.get_ident)) == threading.get_ident()
    assert asyncio.run(run_aside(True, threading.get_ident)) != threading.get_ident()


def test_rows_that_are_not_read_in_the_time_of_their_request_are_refused_and_not_read_later():
    may_end, was_read = threading.Event(), []

    async def main():
        other = asyncio.create_task(run_aside(True, may_end.wait, 10))
        await asyncio.sleep(0.01)
        with pytest.raises(Refused) as caught:
            await read_aside(Patience(timeout_seconds=0.02), True, was_read.append, "rows")
        await asyncio.sleep(0.01)
        may_end.set()
        await other
        await run_aside(True, was_read.append, "later rows")
        return caught.value.code

    assert asyncio.run(main()) is Code.DEADLINE_PASSED
    assert was_read == ["later rows"]


@pytest.mark.parametrize("is_long", [True, False])
def test_what_the_work_raises_is_raised(is_long):
    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(run_aside(is_long, int, "x"))
    assert asyncio.run(run_aside(is_long, int, "11", base=2)) == 3
