"""Clients that keep asking a server over real sockets, and remember what they were told."""

import http.client
import json
import threading
import time
from collections import Counter

from serving.flights import ROW


class Load:
    """Threads that ask for predictions until they are told to stop."""

    def __init__(self, port, n_clients=4):
        self.port = port
        self.statuses = Counter()
        self.n_broken = 0
        self.failures = Counter()
        self.answered = {}
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(n_clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, n_answers, seconds=20.0):
        """Wait until so many more rows were answered."""
        goal, deadline = len(self.answered) + n_answers, time.monotonic() + seconds
        while len(self.answered) < goal:
            assert time.monotonic() < deadline, f"{len(self.answered)} of {goal} answers, {self.statuses}"
            time.sleep(0.01)

    def _ask(self, number):
        connection = None
        n_asked = 0
        while not self._is_over.is_set():
            n_asked += 1
            body = json.dumps({"rows": [{**ROW, "tail": f"N{number}-{n_asked}"}]})
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                connection.request("POST", "/v1/predict", body, {"content-type": "application/json"})
                reply = connection.getresponse()
                told = json.loads(reply.read())
            except (OSError, http.client.HTTPException) as failure:
                # Only a killed worker does this: nobody was told 2xx.
                self.n_broken += 1
                self.failures[repr(failure)] += 1
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.01)
                continue
            self.statuses[reply.status] += 1
            if reply.status == 200:
                answer = told["predictions"][0]
                self.answered[answer["prediction_id"]] = answer["version"]
        if connection is not None:
            connection.close()
