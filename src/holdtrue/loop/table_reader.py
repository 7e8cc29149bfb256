"""Table reader: the rows of a loop's table as they can be had now, whatever has become of their source."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from holdtrue.data import History, check_freshness, load_last_snapshot, print_schema_file, print_table, read_history
from holdtrue.domain import Loop
from holdtrue.errors import DeclarationError, HoldtrueError, LabelError, SourceError, SourceMissing
from holdtrue.store import Store

Written = tuple[tuple[str, int, int], ...]


@dataclass(kw_only=True)
class TableReader:
    """Reads a loop's table anew when it has changed.

    Attributes:
        loop: the declared loop.
        folder: the project's folder, where the table's path starts.
        store: the open store, whose newest snapshot stands in for a table that cannot be read from the beginning.
        problem: why no training may start from the table as it was last looked at: it could not be read, it breaks its
            schema, or its rows are too old; "" when one may.
    """

    loop: Loop
    folder: Path
    store: Store
    problem: str = ""
    _history: History | None = None
    _read_problem: str = ""
    _written: Written | None = None
    _failed: tuple[Written | None, datetime] | None = None

    def read(self, now: datetime) -> History:
        """Return the table, read anew when its files have changed, or that of its schema.

        A table that cannot be read, or breaks its schema, is what it was when it last could be used, so that the loop
        goes on watching; no training starts from it, and `problem` says why. What breaks its declaration is read anew
        when it has changed; what could not be read is tried again at each other moment, for a disk or a network comes
        back without a change of the files.

        Raises:
            HoldtrueError: it cannot be read, and never could be.
        """
        written: Written | None = None
        try:
            asked = print_schema_file(self.loop.schema, folder=self.folder)
            written = (*print_table(self.loop.table, folder=self.folder), *asked)
            if self._history is None or (written != self._written and (written, now) != self._failed):
                self._history = read_history(
                    self.loop.table, folder=self.folder, task=self.loop.declared_task, schema=self.loop.schema
                )
                self._written, self._read_problem = written, ""
        except (HoldtrueError, OSError) as problem:
            kept = self._history or load_last_snapshot(self.store, self.loop.name)
            if kept is None:
                raise
            self._history, self._read_problem = kept, str(problem)
            self._written = written if _is_settled(problem) else None
            self._failed = (written, now)  # one look asks often, and a network that is away takes its time each time
        self.problem = self._read_problem or check_freshness(self._history.ends_at, self._history.declared, now)
        return self._history


def _is_settled(problem: Exception) -> bool:
    """Say whether a table was read and found wrong: the same files will be found so again."""
    is_of_rows = isinstance(problem, SourceError | LabelError | DeclarationError)
    # What a disk, a network or a library raised stands behind the error as its cause.
    return is_of_rows and not isinstance(problem, SourceMissing) and problem.__cause__ is None
