"""What all tests share: one thread for each library that computes.

The tests share the cores already. Threads that wait for each other on cores that others use spin: an example that
trains in one second took more than ten.
"""

import os

# Here, as the libraries read it when they are loaded; child processes inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
