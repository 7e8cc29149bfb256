import pytest

from holdtrue.domain import step
from holdtrue.domain.pipeline_step import read_step
from holdtrue.errors import DeclarationError


def test_a_step_says_what_it_needs_of_a_machine_and_stays_a_function() -> None:
    @step(resources={"cpu": 4, "gpu": 0.5})
    def double(n: int) -> int:
        return 2 * n

    assert double(2) == 4
    assert read_step(double).options.resources == {"cpu": 4, "gpu": 0.5}


@pytest.mark.parametrize(
    "resources", [{"cpu": -1}, {"cpu": 1.5}, {"cpu": "4"}, {"gpu": True}, {"": 1}, {"cpu": float("inf")}]
)
def test_amounts_that_no_machine_can_have_are_refused(resources: dict[str, float]) -> None:
    with pytest.raises(DeclarationError, match="resources has"):
        step(resources=resources)


def test_memory_is_said_by_its_own_name() -> None:
    with pytest.raises(DeclarationError, match="memory="):
        step(resources={"memory": 1})
