from .world import drifting_rows as drifting_rows
from .world import write_drifting_project as write_drifting_project

__all__ = ["drifting_rows", "write_drifting_project"]
