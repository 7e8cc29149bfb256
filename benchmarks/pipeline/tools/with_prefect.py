"""Prefect: the functions are tasks of a flow, cached by their inputs and their source across runs."""

import sys

from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE

CACHED = {"cache_policy": INPUTS + TASK_SOURCE, "persist_result": True}


@flow
def run_chain() -> int:
    import chain

    value = task(chain.FUNCTIONS[0], **CACHED)()
    for function in chain.FUNCTIONS[1:]:
        value = task(function, **CACHED)(value)
    return value


@flow
def run_work(rows: list, parameter: int) -> float:
    import work

    return task(work.measure, **CACHED)(rows, parameter)


if sys.argv[1] == "chain":
    print("RESULT", run_chain())
else:
    from reading import read_rows

    print("RESULT", run_work(read_rows(), int(sys.argv[2])))
