import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdtrue.errors import StatisticsError
from holdtrue.stats import LevelProfile, NumberProfile, pack_profile, unpack_profile


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60), st.floats(-1e9, 1e9))
def test_a_packed_profile_comes_back_whole(x: list[float], centre: float) -> None:
    profile = NumberProfile.measure(x, centre=centre)
    assert unpack_profile(pack_profile(profile)).to_dict() == profile.to_dict()


def test_a_profile_of_values_whose_square_is_beyond_a_float_is_packed() -> None:
    profile = NumberProfile.measure([1.4e154, 1.4e154], centre=1.4e154)
    assert profile.to_dict()["squares"] == 0.0
    assert unpack_profile(pack_profile(profile)).to_dict() == profile.to_dict()


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=20))
def test_a_packed_level_profile_comes_back_whole(values: list[str | None]) -> None:
    profile = LevelProfile.measure(values)
    assert unpack_profile(pack_profile(profile)).to_dict() == profile.to_dict()


def test_a_million_rows_pack_into_four_kilobytes() -> None:
    profile = NumberProfile.measure(np.random.default_rng(1).lognormal(size=1_000_000), centre=1.0)
    assert len(pack_profile(profile)) < 5000


@pytest.mark.parametrize("broken", [b"", b"junk", zlib.compress(b"{}"), zlib.compress(b'{"layout": 9}\n')])
def test_what_is_no_packed_profile_is_refused(broken: bytes) -> None:
    with pytest.raises(StatisticsError, match="pack_profile"):
        unpack_profile(broken)
