"""The steps, in order; Alembic reads them by file. A step that was released is never changed."""
