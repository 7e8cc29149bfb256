"""Users' own databases, as sources of rows: read, and never written."""
