"""Plain Python: the functions are called one after another."""

import sys

if sys.argv[1] == "chain":
    import chain

    value = chain.FUNCTIONS[0]()
    for function in chain.FUNCTIONS[1:]:
        value = function(value)
    print("RESULT", value)
else:
    import work
    from reading import read_rows

    print("RESULT", work.measure(read_rows(), int(sys.argv[2])))
