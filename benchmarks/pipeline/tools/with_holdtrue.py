"""holdtrue: the functions are steps, with the cache of a store."""

import sys
from pathlib import Path

from holdtrue.pipeline import StepCache, run_steps
from holdtrue.store import Store

with Store.open(Path(".holdtrue")) as store:
    if sys.argv[1] == "chain":
        import chain

        print(
            "RESULT", run_steps(chain.FUNCTIONS, inputs={}, cache=StepCache(store)).values[chain.FUNCTIONS[-1].__name__]
        )
    else:
        import work
        from reading import read_rows

        found = run_steps(
            [work.measure],
            inputs={"rows": read_rows()},
            parameters={"parameter": int(sys.argv[2])},
            cache=StepCache(store),
        )
        print("RESULT", found.values["measure"])
