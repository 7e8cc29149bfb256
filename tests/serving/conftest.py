"""What the tests of serving share."""

import pytest

from holdtrue.serving import start_workers
from holdtrue.store import Store
from serving.flights import DELAYS, Flights, Live, train_booster, train_forest, train_line


@pytest.fixture(scope="session")
def forests():
    return [train_forest(seed=seed) for seed in range(2)]


@pytest.fixture(scope="session")
def boosters():
    return [train_booster(seed=seed) for seed in range(2)]


@pytest.fixture
def flights(tmp_path):
    with Store.open(tmp_path / ".holdtrue") as store:
        yield Flights(store)


@pytest.fixture(scope="session")
def live(tmp_path_factory, boosters):
    """A real worker that answers for three loops until the tests end."""
    with Store.open(tmp_path_factory.mktemp("live") / ".holdtrue") as store:
        flights = Flights(store)
        flights.send(flights.release(boosters[0]).number)
        late = flights.release(boosters[0], loop="late-flights", key="flight_id", unit=None)
        flights.send(late.number, loop="late-flights")
        delays = flights.release(
            train_line(), loop="delays", signature=DELAYS, rule=None, key=None, unit=None, time=None
        )
        flights.send(delays.number, loop="delays")
        workers = start_workers(flights.folder, port=0)
        assert workers.wait_until_ready(60), workers.problems
        yield Live(flights, workers, boosters[0])
        workers.stop()
