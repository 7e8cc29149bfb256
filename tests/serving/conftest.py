"""What the tests of serving share."""

import pytest

from holdtrue.store import Store
from serving.flights import Flights, train_booster, train_forest


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
