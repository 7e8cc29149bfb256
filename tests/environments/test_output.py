from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from holdtrue.environments.output import BoundedOutput


@given(pieces=st.lists(st.binary(max_size=300), max_size=40))
def test_the_last_bytes_are_kept_and_the_file_stays_bounded(pieces: list[bytes]) -> None:
    output = BoundedOutput(limit_bytes=100)
    for piece in pieces:
        output.append(piece)
        assert output._n_bytes <= 200
    whole = b"".join(pieces)
    assert output._read_last(60) == whole[-60:]
    output.close()


def test_the_tail_starts_at_a_line(tmp_path: Path) -> None:
    output = BoundedOutput(tmp_path / "out")
    output.append(b"first line\nsecond \xff\n")
    assert output.tail(12) == "second \\xff\n"
    assert output.tail() == "first line\nsecond \\xff\n"
    output.clear()
    assert output.tail() == ""
    output.close()
