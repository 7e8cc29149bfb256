import pytest

import holdtrue as ht
from holdtrue.errors import DeclarationError

SAID = {"key": "flight", "time": "at", "label": "late", "label_delay": "6h"}


def declare(monitor: list[object], **changes: object) -> ht.Loop:
    return ht.Loop("flights", data=ht.table("flights.parquet", **(SAID | changes)), monitor=monitor)


def test_declared_slices_are_kept_once_in_their_order() -> None:
    loop = declare([ht.slices("carrier", ("carrier", "origin")), ht.slices("carrier")])
    assert loop.watched_slices == (("carrier",), ("carrier", "origin"))
    assert declare([]).watched_slices == ()


@pytest.mark.parametrize(
    ("monitor", "changes", "said"),
    [
        ([ht.slices()], {}, "names no slices"),
        ([ht.beats_baseline()], {}, "names no slices"),
        ([ht.slices("carrier", worst=1.5)], {}, "has a margin= or worst="),
        ([ht.slices("carrier")], {"drop": ["carrier"]}, "the prediction log keeps those and no others"),
        ([ht.slices("carrier")], {"features": ["origin"]}, "'carrier', which is no feature"),
        ([ht.slices(("carrier", "at"))], {}, "'at', which is no feature"),
        ([ht.slices("late")], {}, "'late', which is no feature"),
    ],
    ids=["none", "another check", "worst", "dropped", "not a feature", "the time", "the label"],
)
def test_what_cannot_be_watched_is_refused_where_it_is_declared(
    monitor: list[object], changes: dict[str, object], said: str
) -> None:
    with pytest.raises(DeclarationError, match=said):
        declare(monitor, **changes)


def test_a_watched_log_slices_by_its_inputs_alone() -> None:
    data = ht.predictions("log.csv", time="at", prediction="p", label="is", label_delay="1d", version="build")
    assert ht.Loop("flights", data=data, monitor=[ht.slices("carrier")]).watched_slices == (("carrier",),)
    with pytest.raises(DeclarationError, match="'build', which is no feature"):
        ht.Loop("flights", data=data, monitor=[ht.slices("build")])
