"""Log profiles: what the requests of each version looked like, counted when rows are compacted, kept beside them.

All profiles of a version are measured like one reference (its centres and levels, frozen from the rows that were
compacted first), so that those of parts add exactly to those of days and of the whole.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import msgspec
import polars as pl

from holdtrue.data.log.rows import ANSWERED, FEATURE, name_features
from holdtrue.data.log.steady import read_steadily
from holdtrue.data.profile import FrameProfile, measure_column, profile_frame
from holdtrue.errors import StatisticsError, StoreFailed
from holdtrue.stats import NumberProfile, choose_centre
from holdtrue.store import LogManifest, write_file

ENDING = ".profiles"
ENOUGH_ROWS = 1_000
LogProfiles = Mapping[int, FrameProfile]


@dataclass(frozen=True, kw_only=True, eq=False)
class DayProfile:
    """What a day's requests looked like to the version that answered them.

    Attributes:
        day: the day of receipt, UTC, such as 2024-01-31.
        version: the number of the version.
        profile: one column for each feature, as `profile_frame` measures it.
    """

    day: str
    version: int
    profile: FrameProfile


def read_log_profiles(folder: Path) -> list[DayProfile]:
    """Return the profiles of what the traffic answered, shadows left out, of a compacted log: by day and version.

    Those of one version add: `reduce(FrameProfile.add, ...)` is exactly the profile of its rows of all those days.

    Args:
        folder: the log's folder, such as `.holdtrue/log/LOOP`.

    Raises:
        StoreFailed: a file cannot be read.
    """
    return read_steadily(folder, lambda manifest: _read_days(folder, manifest))


def _read_days(folder: Path, manifest: LogManifest) -> list[DayProfile]:
    references = read_references(folder, manifest)
    found: dict[tuple[str, int], list[FrameProfile]] = {}
    for part in manifest.parts:
        for version, profile in read_profiles(folder, part.profile).items():
            found.setdefault((part.day, version), []).append(profile)
    return [
        DayProfile(day=day, version=version, profile=_add_all(profiles, references[version]))
        for (day, version), profiles in sorted(found.items())
    ]


def measure_profiles(rows: pl.DataFrame, references: LogProfiles) -> tuple[dict[int, FrameProfile], LogProfiles]:
    """Return the profile of the rows of each version, and the references, with what is new in them.

    Args:
        rows: as `make_chunks` lays them out.
        references: profiles of no rows, that hold centres and levels.
    """
    references, profiles = dict(references), {}
    asked = rows.filter(pl.col("role").is_in(ANSWERED))
    for (version,), part in sorted(asked.partition_by("version", as_dict=True).items()):
        features = part.select(name_features(part.columns))
        features = features.rename({name: name.removeprefix(FEATURE) for name in features.columns})
        if not features.columns:
            continue
        like = references.get(version, FrameProfile(columns={}))
        fresh = _freeze(features.select(name for name in features.columns if name not in like.columns))
        nothing = profile_frame(features.clear(), like=fresh)
        references[version] = like = FrameProfile(columns={**like.columns, **nothing.columns})
        absent = [pl.lit(None).alias(name) for name in like.columns if name not in features.columns]
        profiles[version] = profile_frame(features.with_columns(absent), like=like)
    return profiles, references


def _freeze(features: pl.DataFrame) -> FrameProfile:
    """Return the first profile of some features. Of few rows nobody can say that a number has few values only."""
    if features.height >= ENOUGH_ROWS:
        return profile_frame(features)
    numbers = [name for name, dtype in features.schema.items() if dtype.is_numeric()]
    measured = {
        name: NumberProfile.measure(
            features[name].cast(pl.Float64).fill_null(float("nan")), centre=choose_centre(features[name].drop_nulls())
        )
        for name in numbers
    }
    others = profile_frame(features.drop(numbers)).columns
    return FrameProfile(columns={name: measured.get(name) or others[name] for name in features.columns})


def merge_profiles(several: Iterable[LogProfiles], references: LogProfiles) -> dict[int, FrameProfile]:
    """Return the sum of the profiles of several parts, version by version."""
    found: dict[int, list[FrameProfile]] = {}
    for profiles in several:
        for version, profile in profiles.items():
            found.setdefault(version, []).append(profile)
    return {version: _add_all(profiles, references[version]) for version, profiles in found.items()}


def save_profiles(folder: Path, stem: str, profiles: LogProfiles) -> str | None:
    """Write profiles beside their part, and return the file's name; None where there are none. Raises OSError."""
    if not profiles:
        return None
    name = f"{stem}{ENDING}"
    packed = {version: profile.to_bytes() for version, profile in profiles.items()}
    write_file(folder / name, msgspec.msgpack.encode(packed))
    return name


def read_profiles(folder: Path, name: str | None) -> LogProfiles:
    """Return the profiles in a file; none for no file.

    Raises:
        StoreFailed: it cannot be read.
    """
    if name is None:
        return {}
    try:
        packed = msgspec.msgpack.decode((folder / name).read_bytes(), type=dict[int, bytes])
        return {version: FrameProfile.from_bytes(each) for version, each in packed.items()}
    except (OSError, msgspec.MsgspecError, StatisticsError) as error:
        raise StoreFailed(
            f"the profiles in {folder / name} cannot be read ({error})", remedy="bring the file back from a backup"
        ) from error


def read_references(folder: Path, manifest: LogManifest) -> LogProfiles:
    """Return the profile of no rows that each version's later ones are measured like."""
    return {version: read_profiles(folder, name)[version] for version, name in manifest.references.items()}


def _add_all(profiles: list[FrameProfile], like: FrameProfile) -> FrameProfile:
    return reduce(FrameProfile.add, (_fill(profile, like) for profile in profiles))


def _fill(profile: FrameProfile, like: FrameProfile) -> FrameProfile:
    """Return a profile with the features that came later, missing in all its rows."""
    if profile.columns.keys() == like.columns.keys():
        return profile
    missing = pl.Series([None] * profile.n_rows, dtype=pl.Float64)
    return FrameProfile(
        columns={
            name: profile.columns[name] if name in profile.columns else measure_column(missing, like=reference)
            for name, reference in like.columns.items()
        }
    )
