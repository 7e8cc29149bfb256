"""Table reader: the rows of a loop's table as they can be had now, whatever has become of their source."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from holdtrue.data import History, check_freshness, load_last_snapshot, print_schema_file, print_table, read_history
from holdtrue.domain import Loop
from holdtrue.errors import HoldtrueError
from holdtrue.store import Store


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
    _written: tuple[tuple[str, int, int], ...] = ()

    def read(self, now: datetime) -> History:
        """Return the table, read anew when its files have changed, or that of its schema.

        A table that cannot be read, or breaks its schema, is what it was when it last could be used, so that the loop
        goes on watching; no training starts from it, and `problem` says why.

        Raises:
            HoldtrueError: it cannot be read, and never could be.
        """
        written: tuple[tuple[str, int, int], ...] = ()
        try:
            asked = print_schema_file(self.loop.schema, folder=self.folder)
            written = (*print_table(self.loop.table, folder=self.folder), *asked)
            if self._history is None or written != self._written:
                self._written = written
                self._history = read_history(
                    self.loop.table, folder=self.folder, task=self.loop.declared_task, schema=self.loop.schema
                )
                self._read_problem = ""
        except (HoldtrueError, OSError) as problem:
            kept = self._history or load_last_snapshot(self.store, self.loop.name)
            if kept is None:
                raise
            self._history, self._written, self._read_problem = kept, written, str(problem)
        self.problem = self._read_problem or check_freshness(self._history.ends_at, self._history.declared, now)
        return self._history
