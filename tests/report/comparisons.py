"""A made-up comparison of two versions."""

from datetime import UTC, datetime

from holdtrue.domain import (
    ComparedVersion,
    Finding,
    Measured,
    ReliabilityBin,
    SliceDifference,
    VersionComparison,
)

SEEN = datetime(2013, 9, 1, tzinfo=UTC)


def make_side(name: str, loss: float, *, is_champion: bool = False) -> ComparedVersion:
    return ComparedVersion(
        name=name, is_champion=is_champion, seen_until=SEEN, format="skops", n_bytes=422_147, row_ms=0.4,
        rows_a_second=65_289.0, loss=Measured(estimate=loss, low=loss - 0.05, high=loss + 0.05),
        metrics={"log_loss": loss, "auc": 0.7, "actual_share": 0.24},
        bias=Measured(estimate=0.01, low=-0.02, high=0.04),
        bins=tuple(ReliabilityBin(n_rows=9, predicted=p, actual=p + 0.02, low=p, high=p + 0.07) for p in (0.1, 0.4)),
        worth=Measured(estimate=0.5, low=0.1, high=0.9),
    )  # fmt: skip


def make_slice(name: str, finding: Finding) -> SliceDifference:
    if finding is Finding.NO_DATA:
        shortage = "not enough data: need at least 100 rows of 8 days, found 3 rows of 2 days"
        return SliceDifference(name=name, n_rows=3, first_loss=0.6, second_loss=0.5, finding=finding, shortage=shortage)
    difference = Measured(estimate=-0.02, low=-0.03, high=-0.01)
    return SliceDifference(
        name=name, n_rows=900, first_loss=0.5, second_loss=0.52, finding=finding, difference=difference
    )


def make_comparison(low: float, high: float, finding: Finding) -> VersionComparison:
    return VersionComparison(
        loop="late-flights", loss_name="log_loss", first=make_side("v3", 0.50), finding=finding, sentence="",
        second=make_side("v2", 0.52, is_champion=True), n_rows=8_412, n_from_log=412, starts_at=SEEN, ends_at=SEEN,
        difference=Measured(estimate=(low + high) / 2, low=low, high=high), unit="USD",
        worth=Measured(estimate=0.1, low=-0.05, high=0.25), auc=Measured(estimate=0.01, low=0.0, high=0.02),
        slices=(
            make_slice("carrier = UA", Finding.BETTER), make_slice("carrier = DL", Finding.WORSE),
            make_slice("carrier = <b>", Finding.NO_DATA),
        ),
    )  # fmt: skip


def make_empty() -> VersionComparison:
    sides = [
        ComparedVersion(name=n, is_champion=False, seen_until=SEEN, format="skops", n_bytes=9) for n in ("v3", "v2")
    ]
    return VersionComparison(
        loop="late-flights", loss_name="log_loss", first=sides[0], second=sides[1], finding=Finding.NO_DATA, sentence=""
    )
