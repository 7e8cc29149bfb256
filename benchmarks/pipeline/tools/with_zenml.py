"""ZenML: the functions are steps of a pipeline on the local stack, cached as they are by default."""

import sys
from typing import Any

from zenml import pipeline, step

if sys.argv[1] == "chain":
    import chain

    steps = [step(function) for function in chain.FUNCTIONS]

    @pipeline
    def run_chain() -> None:
        value = steps[0]()
        for each in steps[1:]:
            value = each(value)

    run, wanted = run_chain(), chain.FUNCTIONS[-1].__name__
else:
    import work
    from reading import read_rows

    measure = step(work.measure)

    @pipeline
    def run_work(rows: list[Any], parameter: int) -> None:
        measure(rows=rows, parameter=parameter)

    run, wanted = run_work(rows=read_rows(), parameter=int(sys.argv[2])), "measure"
print("RESULT", run.steps[wanted].output.load())
