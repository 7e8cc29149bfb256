"""Dataset, as recorded: an immutable, content-hashed snapshot of rows and the labels known at a moment."""

from dataclasses import dataclass
from datetime import datetime

from holdtrue.domain.schema import Schema
from holdtrue.domain.task import LabelValue, Task


@dataclass(frozen=True, kw_only=True)
class DatasetRecord:
    """What a snapshot holds. `digest` is the sha256 of its Parquet bytes in the artifact store."""

    digest: str
    loop: str
    as_of: datetime
    n_rows: int
    n_labelled: int
    starts_at: datetime
    ends_at: datetime
    schema: Schema
    task: Task
    classes: tuple[LabelValue, ...]
    source: str

    @property
    def label_coverage(self) -> float:
        """Return the share of rows whose label is known."""
        return self.n_labelled / self.n_rows if self.n_rows else 0.0
