from .backfill import Backfill as Backfill
from .backfill import BackfilledWindow as BackfilledWindow
from .backfill import backfill_loop as backfill_loop
from .backfill import list_moments as list_moments
from .bringing import bring_model as bring_model
from .card import gather_card as gather_card
from .card import read_pictures as read_pictures
from .comparing import compare_versions as compare_versions
from .export import ExportedRun as ExportedRun
from .export import export_runs as export_runs
from .keepsakes import StepLog as StepLog
from .keepsakes import list_files as list_files
from .keepsakes import read_logs as read_logs
from .keepsakes import read_patch as read_patch
from .keepsakes import write_figures as write_figures
from .lock import control_lock as control_lock
from .lock import hold_control as hold_control
from .lock import serving_lock as serving_lock
from .log import ask_log as ask_log
from .log import export_log as export_log
from .log import keep_log as keep_log
from .log import name_log_folder as name_log_folder
from .project import Project as Project
from .project import find_champion_before as find_champion_before
from .project import open_project as open_project
from .reason import explain_prediction as explain_prediction
from .repetition import repeat_step as repeat_step
from .reproduction import Reproduction as Reproduction
from .reproduction import reproduce_run as reproduce_run
from .runs import RunDifference as RunDifference
from .runs import RunView as RunView
from .runs import compare_runs as compare_runs
from .runs import find_pair as find_pair
from .runs import find_run as find_run
from .runs import list_runs as list_runs
from .runs import read_runs as read_runs
from .runs import stop_run as stop_run
from .runs import view_run as view_run
from .scoring import Scored as Scored
from .scoring import score_file as score_file
from .settings import FOLDER as FOLDER
from .settings import Settings as Settings
from .settings import find_price as find_price
from .settings import read_settings as read_settings
from .tracking_server import TrackingServer as TrackingServer
from .tuning import open_to_tune as open_to_tune
from .tuning import read_tuning as read_tuning
from .tuning import tune_loop as tune_loop
from .up import Live as Live
from .up import hold_up as hold_up
from .view import StoredView as StoredView
from .view import view_loop as view_loop
from .wanted import WantedLabel as WantedLabel
from .wanted import list_wanted as list_wanted
from .watched import WatchedProject as WatchedProject

__all__ = [
    "FOLDER",
    "Backfill",
    "BackfilledWindow",
    "ExportedRun",
    "Live",
    "Project",
    "Reproduction",
    "RunDifference",
    "RunView",
    "Scored",
    "Settings",
    "StepLog",
    "StoredView",
    "TrackingServer",
    "WantedLabel",
    "WatchedProject",
    "ask_log",
    "backfill_loop",
    "bring_model",
    "compare_runs",
    "compare_versions",
    "control_lock",
    "explain_prediction",
    "export_log",
    "export_runs",
    "find_champion_before",
    "find_pair",
    "find_price",
    "find_run",
    "gather_card",
    "hold_control",
    "hold_up",
    "keep_log",
    "list_files",
    "list_moments",
    "list_runs",
    "list_wanted",
    "name_log_folder",
    "open_project",
    "open_to_tune",
    "read_logs",
    "read_patch",
    "read_pictures",
    "read_runs",
    "read_settings",
    "read_tuning",
    "repeat_step",
    "reproduce_run",
    "score_file",
    "serving_lock",
    "stop_run",
    "tune_loop",
    "view_loop",
    "view_run",
    "write_figures",
]
