import pytest

from holdtrue.environments import InlineEnvironment, Together, run_together
from holdtrue.errors import DeclarationError, LabelError, TrainingFailed


def halve_all(payloads: list[int]) -> object:
    def halve(number: int) -> float:
        if number % 2:
            raise LabelError(f"{number} is odd", expected="an even number")
        return number / 2 if number else 1 / number

    return run_together([lambda number=number: halve(number) for number in payloads])


def gather(*payloads: object, entry: str = "halve_all") -> tuple[Together, list[object]]:
    together = Together(InlineEnvironment(), f"{__name__}:{entry}")
    return together, [together.submit(payload) for payload in payloads]


def test_each_piece_has_its_own_end_when_the_whole_is_done() -> None:
    together, (first, odd, broken, last) = gather(4, 3, 0, 8)
    assert not first.done()
    together.hand_over(together.send())
    assert (first.result(), last.result()) == (2, 4)
    with pytest.raises(LabelError, match="3 is odd"):
        odd.result()
    with pytest.raises(TrainingFailed, match="ZeroDivisionError"):
        broken.result()
    later = together.submit(6)
    together.hand_over(together.send())
    assert later.result() == 3


def test_a_whole_that_fails_fails_each_piece() -> None:
    together, pieces = gather(2, 4, entry="nothing_like_it")
    together.hand_over(together.send())
    for piece in pieces:
        with pytest.raises(DeclarationError, match="is not there"):
            piece.result()
