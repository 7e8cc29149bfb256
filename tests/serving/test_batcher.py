import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from holdtrue.serving.answer.batcher import Batcher


class Model:
    """Answers a row with its first value; fails on a negative one; can be held."""

    def __init__(self):
        self.batches = []
        self.may_go = threading.Event()
        self.may_go.set()

    def score(self, rows):
        self.may_go.wait(5)
        self.batches.append(len(rows))
        if any(row[0] < 0 for row in rows):
            raise ValueError("negative")
        return np.array([row[0] for row in rows], dtype=float)


def run(scenario):
    async def main():
        model = Model()
        with ThreadPoolExecutor(1) as thread:
            return await scenario(model, Batcher(model.score, thread, queue_rows=10))

    return asyncio.run(main())


def test_all_that_came_in_while_the_model_was_busy_is_one_batch():
    async def scenario(model, batcher):
        model.may_go.clear()
        first = batcher.score([[1.0]])
        await asyncio.sleep(0.05)
        others = [batcher.score([[float(i)], [float(i)]]) for i in range(3)]
        await asyncio.sleep(0.05)
        model.may_go.set()
        assert await first == [(1.0,)]
        assert await asyncio.gather(*others) == [[(float(i),)] * 2 for i in range(3)]
        return model.batches

    assert run(scenario) == [1, 6]


def test_a_failing_row_fails_alone():
    async def scenario(model, batcher):
        return await batcher.score([[1.0], [-1.0], [2.0], [3.0], [-2.0]])

    outcomes = run(scenario)
    assert [outcome for outcome in outcomes if not isinstance(outcome, Exception)] == [(1.0,), (2.0,), (3.0,)]
    assert [i for i, outcome in enumerate(outcomes) if isinstance(outcome, ValueError)] == [1, 4]


def test_a_full_queue_has_no_room_but_an_empty_one_takes_any_request():
    async def scenario(model, batcher):
        assert batcher.has_room(1_000)
        model.may_go.clear()
        tasks = [batcher.score([[1.0]])]
        await asyncio.sleep(0.05)
        tasks += [batcher.score([[1.0]] * 8)]
        await asyncio.sleep(0)
        assert batcher.n_waiting == 8
        assert batcher.has_room(2)
        assert not batcher.has_room(3)
        model.may_go.set()
        await asyncio.gather(*tasks)
        assert batcher.n_waiting == 0

    run(scenario)


def test_a_client_that_hung_up_does_not_wedge_the_others():
    async def scenario(model, batcher):
        model.may_go.clear()
        tasks = [batcher.score([[float(i)]]) for i in range(3)]
        await asyncio.sleep(0.05)
        tasks[0].cancel()
        tasks[1].cancel()
        await asyncio.sleep(0)
        model.may_go.set()
        assert await tasks[2] == [(2.0,)]
        assert await batcher.score([[7.0]]) == [(7.0,)]

    run(scenario)


def test_a_fast_model_answers_a_few_rows_on_the_event_loop_and_many_in_the_thread():
    async def main():
        threads = []

        def score(rows):
            threads.append(threading.current_thread() is threading.main_thread())
            return np.zeros(len(rows))

        with ThreadPoolExecutor(1) as thread:
            batcher = Batcher(score, thread, is_inline=lambda: True)
            await batcher.score([[0.0]] * 64)
            await batcher.score([[0.0]] * 65)
        return threads

    assert asyncio.run(main()) == [True, False]
