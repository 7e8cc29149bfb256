from .bringing import bring_model as bring_model
from .card import gather_card as gather_card
from .comparing import compare_versions as compare_versions
from .lock import control_lock as control_lock
from .project import FOLDER as FOLDER
from .project import Project as Project
from .project import find_champion_before as find_champion_before
from .project import open_project as open_project
from .reason import explain_prediction as explain_prediction
from .scoring import Scored as Scored
from .scoring import score_file as score_file
from .up import Live as Live
from .view import StoredView as StoredView
from .view import view_loop as view_loop
from .wanted import WantedLabel as WantedLabel
from .wanted import list_wanted as list_wanted

__all__ = [
    "FOLDER",
    "Live",
    "Project",
    "Scored",
    "StoredView",
    "WantedLabel",
    "bring_model",
    "compare_versions",
    "control_lock",
    "explain_prediction",
    "find_champion_before",
    "gather_card",
    "list_wanted",
    "open_project",
    "score_file",
    "view_loop",
]
