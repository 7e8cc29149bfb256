"""What the tests of backtest share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backtest.small import Bench, make_replay
from holdtrue.store import Store


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Store.open(tmp_path / ".holdtrue") as store:
        yield Bench(store=store, replay=make_replay())
