"""What versions believe of their own answers, beside what was measured."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLE = """
CREATE TABLE beliefs (
    loop TEXT NOT NULL,
    version INTEGER NOT NULL,
    metric TEXT NOT NULL,
    as_of TEXT NOT NULL CHECK (length(as_of) = 27 AND substr(as_of, 27) = 'Z'),
    n_awaiting INTEGER NOT NULL CHECK (n_awaiting >= 0),
    awaiting REAL,
    measured TEXT,
    believed REAL,
    excess TEXT,
    corrected TEXT,
    n_drawn INTEGER NOT NULL CHECK (n_drawn >= 0),
    n_needed INTEGER,
    precision REAL NOT NULL CHECK (precision > 0),
    PRIMARY KEY (loop, version, metric)
)"""


def upgrade() -> None:
    """Make the table."""
    op.get_bind().exec_driver_sql(TABLE.strip())
