"""The slices of a version whose risk is watched, with what each lost where the version was judged."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; versions from before watch none."""
    op.get_bind().exec_driver_sql("ALTER TABLE versions ADD COLUMN slices TEXT NOT NULL DEFAULT '[]'")
