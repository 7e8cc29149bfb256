"""Objects: files in an object store, mirrored into the project; what has not changed is not fetched again."""

import json
import time
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import ObjectStore, from_url

from holdtrue.domain import digest_of
from holdtrue.errors import DeclarationError, SourceError, SourceMissing

from .secret import hide_secrets, hide_userinfo

SCHEMES = ("s3", "gs", "az", "file")
ENDINGS = (".parquet", ".pq", ".csv", ".csv.gz")
# A store is asked anew after so many seconds, and given up after so many.
REFRESH_SECONDS = 60
PATIENCE = timedelta(seconds=20)
_MANIFEST = "_mirror.json"


def is_object_url(path: str) -> bool:
    """Say whether a path names objects in a store.

    >>> is_object_url("s3://bucket/trips/"), is_object_url("trips/*.parquet")
    (True, False)
    """
    return "://" in path


def print_objects(url: str) -> tuple[tuple[str, int, int], ...]:
    """Return what is equal while an object store need not be asked again: for a minute."""
    return ((url, int(time.monotonic() // REFRESH_SECONDS), 0),)


def mirror_objects(url: str, *, folder: Path) -> Path:
    """Fetch the objects that a URL names and return where they are: a folder, or one file.

    Credentials are those of the environment, such as `AWS_ACCESS_KEY_ID`. An object that is as it was fetched before
    (by its tag) is not fetched again; one that is gone is removed.

    Args:
        url: of one file or of all that is under a folder, such as `s3://bucket/trips/`.
        folder: the project's folder; the mirror is under its `.holdtrue/sources`.

    Raises:
        DeclarationError: the URL cannot be meant.
        SourceMissing: there is nothing, or nobody answers.
        SourceError: it is not permitted, is a table of Delta Lake, or an object vanished while it was fetched.
    """
    base, name = _split_url(url)
    place = folder / ".holdtrue" / "sources" / digest_of(url)[:16]
    try:
        store = from_url(base, retry_config={"max_retries": 2, "retry_timeout": PATIENCE})
        found = {entry["path"]: entry for entry in obstore.list(store, prefix=name).collect() if _counts(entry["path"])}
        if name is not None and name not in found:
            found = {name: obstore.head(store, name)}
        if not found:
            raise SourceMissing(f"there is nothing under {url}", expected=f"objects that end with {', '.join(ENDINGS)}")
        if any(PurePosixPath(path).parts[0] == "_delta_log" for path in _list_names(store, name)):
            raise SourceError(f"{url} is a table of Delta Lake", expected="plain Parquet or CSV objects")
        _bring_up_to_date(store, found, place)
    except (BaseError, OSError, ValueError) as error:
        raise _tell_failure(error, url) from error
    return place if name is None else place / name


def _split_url(url: str) -> tuple[str, str | None]:
    """Return the URL of a folder, and the name of the one file in it that is meant; None for all."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise DeclarationError(f"{parts.scheme}:// is not known", expected=f"one of {', '.join(SCHEMES)}, or a path")
    if any(sign in url for sign in "*?["):
        raise DeclarationError(f"{url} is a pattern", expected="one object, or a folder: all that is under it is read")
    if not url.lower().endswith(ENDINGS):
        return url.rstrip("/"), None
    base, _, name = url.rpartition("/")
    return base, name


def _counts(path: str) -> bool:
    return not any(part.startswith((".", "_")) for part in PurePosixPath(path).parts) and ".." not in path


def _list_names(store: ObjectStore, name: str | None) -> list[str]:
    return [] if name is not None else [each["path"] for each in obstore.list(store, prefix="_delta_log").collect()]


def _bring_up_to_date(store: ObjectStore, found: dict[str, Any], place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    manifest = place / _MANIFEST
    known = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    tags = {path: f"{entry['e_tag']} {entry['size']} {entry['last_modified']}" for path, entry in found.items()}
    for path, tag in tags.items():
        if known.get(path) != tag or not (place / path).is_file():
            _write_whole(place / path, bytes(obstore.get(store, path).bytes()))
    for path in known.keys() - tags.keys():
        (place / path).unlink(missing_ok=True)
    # Last: what was fetched before a failure is fetched again.
    _write_whole(manifest, json.dumps(tags).encode())


def _write_whole(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_name(f".{file.name}.half")
    half.write_bytes(data)
    half.replace(file)


def _tell_failure(error: Exception, url: str) -> SourceError:
    reason = hide_secrets((str(error).strip().splitlines() or [type(error).__name__])[0], url)
    url = hide_userinfo(url)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return SourceError(f"{url} may not be read: {reason}", expected="credentials that may list and get")
    if isinstance(error, NotFoundError):
        return SourceMissing(f"{url}, or a part of it, is not there: {reason}", expected="objects that stay while read")
    return SourceMissing(f"{url} cannot be read: {reason}", expected="a store that answers")
