from .contest import ContestResult as ContestResult
from .contest import hold_contest as hold_contest
from .cycles import CyclePlan as CyclePlan
from .cycles import CycleReport as CycleReport
from .cycles import hold_cycles as hold_cycles
from .kills import KillPlan as KillPlan
from .kills import KillReport as KillReport
from .kills import hold_kills as hold_kills
from .processes import is_gone as is_gone
from .world import drifting_rows as drifting_rows
from .world import write_drifting_project as write_drifting_project

__all__ = [
    "ContestResult",
    "CyclePlan",
    "CycleReport",
    "KillPlan",
    "KillReport",
    "drifting_rows",
    "hold_contest",
    "hold_cycles",
    "hold_kills",
    "is_gone",
    "write_drifting_project",
]
