from .contest import ContestResult as ContestResult
from .contest import hold_contest as hold_contest
from .world import drifting_rows as drifting_rows
from .world import write_drifting_project as write_drifting_project

__all__ = [
    "ContestResult",
    "drifting_rows",
    "hold_contest",
    "write_drifting_project",
]
