"""Twelve kinds of leak, seeded into a real table each: the short form of benchmarks/judgement/leaks.py."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from holdtrue.data import History

BENCH = Path(__file__).parents[2] / "benchmarks" / "judgement" / "leaks.py"


def load_bench() -> ModuleType:
    sys.path.append(str(BENCH.parent))  # it imports its neighbour
    spec = importlib.util.spec_from_file_location("bench_leaks", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCH_LEAKS = load_bench()


@pytest.fixture(scope="module")
def flu(tmp_path_factory: pytest.TempPathFactory) -> History:
    return BENCH_LEAKS.read_data("flu", tmp_path_factory.mktemp("flu"))


@pytest.mark.parametrize("kind", BENCH_LEAKS.KINDS)
def test_no_kind_of_leak_is_silent_and_all_but_one_are_refused(flu: History, kind: str) -> None:
    cases = [BENCH_LEAKS.draw_case(flu, draw, seed=1) for draw in range(4)]
    endings = {BENCH_LEAKS.tell(BENCH_LEAKS.KINDS[kind](case)) for case in cases}
    # A champion that saw the rows makes their comparison worthless; the challenger has done nothing wrong.
    assert endings == {"inconclusive" if kind == "evaluation older than training" else "refused"}


def test_clean_rows_are_neither_refused_nor_named(flu: History) -> None:
    for found in BENCH_LEAKS.judge_clean(flu):
        assert found["refused"] == []
        assert found["named"] == []
