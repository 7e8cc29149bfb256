import pytest

from holdtrue.environments import Environment, InlineEnvironment, Progress, report_progress
from holdtrue.errors import ColumnMissing, DeclarationError, TrainingFailed


@pytest.fixture
def environment() -> Environment:
    return InlineEnvironment()


def test_work_is_done_before_submit_returns(environment: Environment) -> None:
    outcome = environment.submit("sample_work:echo", {"a": (1, 2)})
    assert outcome.done()
    assert outcome.result() == {"a": [1, 2]}


def test_failures_are_those_of_a_child(environment: Environment) -> None:
    with pytest.raises(TrainingFailed, match="ZeroDivisionError in divide") as caught:
        environment.submit("sample_work:divide", [1, 0]).result()
    assert "holdtrue/environments" not in caught.value.traceback_text
    with pytest.raises(ColumnMissing):
        environment.submit("sample_work:miss_column", None).result()
    with pytest.raises(TrainingFailed, match="SystemExit"):
        environment.submit("sample_work:leave", 3).result()
    with pytest.raises(DeclarationError, match="not JSON"):
        environment.submit("sample_work:return_set", None).result()


def test_an_interrupt_is_not_swallowed(environment: Environment) -> None:
    with pytest.raises(KeyboardInterrupt):
        environment.submit("sample_work:interrupt", None)


def test_progress_reaches_the_listener_and_its_refusal_stops_the_work(environment: Environment) -> None:
    told: list[Progress] = []
    environment.submit("sample_work:count", 3, on_progress=told.append).result()
    assert [progress.done for progress in told] == [1, 2, 3]

    def refuse(_: Progress) -> None:
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        environment.submit("sample_work:count", 3, on_progress=refuse).result()


def test_progress_that_nobody_listens_to_is_dropped() -> None:
    report_progress(1, total=2)
    InlineEnvironment().submit("sample_work:count", 2).result()
