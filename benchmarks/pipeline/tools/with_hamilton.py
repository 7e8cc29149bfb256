"""Hamilton: the functions are nodes of a driver with its cache."""

import sys

from hamilton import driver

if sys.argv[1] == "chain":
    import chain

    module, wanted, inputs = chain, chain.FUNCTIONS[-1].__name__, {}
else:
    import work
    from reading import read_rows

    module, wanted, inputs = work, "measure", {"rows": read_rows(), "parameter": int(sys.argv[2])}
runner = driver.Builder().with_modules(module).with_cache(path=".hamilton").build()
print("RESULT", runner.execute([wanted], inputs=inputs)[wanted])
