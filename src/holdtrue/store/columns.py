"""Columns: how moments and documents are kept in a database that knows only text and numbers."""

from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from holdtrue.domain import Json
from holdtrue.errors import DeclarationError

METADATA = sa.MetaData()


def encode_moment(moment: datetime) -> str:
    """Return a moment as UTC text of fixed width (27 characters), so that the order of texts is the order of time.

    >>> encode_moment(datetime(2013, 9, 1, tzinfo=UTC))
    '2013-09-01T00:00:00.000000Z'

    Raises:
        DeclarationError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise DeclarationError(
            f"the moment {moment.isoformat()} has no time zone",
            expected="an aware datetime, such as datetime.now(UTC)",
        )
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def decode_moment(text: str) -> datetime:
    """Return the aware UTC datetime that `encode_moment` wrote."""
    return datetime.fromisoformat(text)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as text by `encode_moment`."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Encode on the way in."""
        return None if value is None else encode_moment(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Decode on the way out."""
        return None if value is None else decode_moment(value)


class Document(TypeDecorator[Json]):
    """What JSON can say, kept as text with sorted keys."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Json, dialect: Dialect) -> str | None:
        """Encode on the way in; None stays NULL."""
        return None if value is None else msgspec.json.encode(value, order="deterministic").decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Json:
        """Decode on the way out."""
        return None if value is None else msgspec.json.decode(value)
