from .bringing import bring_model as bring_model
from .lock import control_lock as control_lock
from .project import FOLDER as FOLDER
from .project import Project as Project
from .project import find_champion_before as find_champion_before
from .project import open_project as open_project
from .scoring import Scored as Scored
from .scoring import score_file as score_file
from .up import Live as Live
from .view import StoredView as StoredView
from .view import view_loop as view_loop

__all__ = [
    "FOLDER",
    "Live",
    "Project",
    "Scored",
    "StoredView",
    "bring_model",
    "control_lock",
    "find_champion_before",
    "open_project",
    "score_file",
    "view_loop",
]
