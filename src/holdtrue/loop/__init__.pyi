from .account import close_failed_run as close_failed_run
from .account import close_run as close_run
from .account import describe_checkout as describe_checkout
from .act import REFUSAL as REFUSAL
from .act import Actor as Actor
from .brought import lay_brought as lay_brought
from .classes import align_classes as align_classes
from .concern import Concern as Concern
from .control import Controller as Controller
from .decide import decide as decide
from .demand import check_demands as check_demands
from .file import load_loop as load_loop
from .fitting import Fitter as Fitter
from .fold import Fold as Fold
from .fold import cut_folds as cut_folds
from .golden import lay_golden as lay_golden
from .golden import leave_golden_out as leave_golden_out
from .golden import read_golden as read_golden
from .loss import choose_loss as choose_loss
from .memory import CHAMPION as CHAMPION
from .news import find_top_source as find_top_source
from .observe import explain_risk as explain_risk
from .observe import gather_evidence as gather_evidence
from .observe import judge_answers as judge_answers
from .observe import place_risk as place_risk
from .observe import read_slices as read_slices
from .observe import trace_evidence as trace_evidence
from .order import Brought as Brought
from .order import Evaluation as Evaluation
from .order import Fitted as Fitted
from .order import TrainingOrder as TrainingOrder
from .order import TrainingResult as TrainingResult
from .policy import LIVE_SCHEDULE as LIVE_SCHEDULE
from .policy import make_policy as make_policy
from .policy import measure_pace as measure_pace
from .policy import tell_cadence as tell_cadence
from .policy import tell_triggers as tell_triggers
from .release import Registrar as Registrar
from .release import conclude as conclude
from .repetition import Repetition as Repetition
from .repetition import RepetitionOrder as RepetitionOrder
from .repetition import repeat_step as repeat_step
from .risk import RiskWatch as RiskWatch
from .risk import make_watch as make_watch
from .risk import restore_watch as restore_watch
from .row_code import derive_rows as derive_rows
from .row_code import hold_functions as hold_functions
from .rule import check_fallback as check_fallback
from .slices import cut_slices as cut_slices
from .slices import take_rows as take_rows
from .spending import BACKFILL as BACKFILL
from .spending import Spending as Spending
from .spending import find_overspending as find_overspending
from .spending import sum_spending as sum_spending
from .state import AbortRollout as AbortRollout
from .state import AdvanceRollout as AdvanceRollout
from .state import BeginRollout as BeginRollout
from .state import CaughtUp as CaughtUp
from .state import CloseAlert as CloseAlert
from .state import Facts as Facts
from .state import Firing as Firing
from .state import FollowUp as FollowUp
from .state import HoldRollout as HoldRollout
from .state import Install as Install
from .state import LoopPolicy as LoopPolicy
from .state import LoopState as LoopState
from .state import Move as Move
from .state import NoteLoss as NoteLoss
from .state import OpenAlert as OpenAlert
from .state import Promote as Promote
from .state import RefuseRun as RefuseRun
from .state import Reject as Reject
from .state import StartRun as StartRun
from .state import Trained as Trained
from .state import TrainingLost as TrainingLost
from .stopping import await_some as await_some
from .stopping import describe_stop as describe_stop
from .stopping import stop_run as stop_run
from .trainer import EnvironmentTrainer as EnvironmentTrainer
from .trainer import InlineTrainer as InlineTrainer
from .trainer import Trainer as Trainer
from .training import train_challenger as train_challenger
from .watch import watch_log as watch_log

__all__ = [
    "BACKFILL",
    "CHAMPION",
    "LIVE_SCHEDULE",
    "REFUSAL",
    "AbortRollout",
    "Actor",
    "AdvanceRollout",
    "BeginRollout",
    "Brought",
    "CaughtUp",
    "CloseAlert",
    "Concern",
    "Controller",
    "EnvironmentTrainer",
    "Evaluation",
    "Facts",
    "Firing",
    "Fitted",
    "Fitter",
    "Fold",
    "FollowUp",
    "HoldRollout",
    "InlineTrainer",
    "Install",
    "LoopPolicy",
    "LoopState",
    "Move",
    "NoteLoss",
    "OpenAlert",
    "Promote",
    "RefuseRun",
    "Registrar",
    "Reject",
    "Repetition",
    "RepetitionOrder",
    "RiskWatch",
    "Spending",
    "StartRun",
    "Trained",
    "Trainer",
    "TrainingLost",
    "TrainingOrder",
    "TrainingResult",
    "align_classes",
    "await_some",
    "check_demands",
    "choose_loss",
    "close_failed_run",
    "close_run",
    "conclude",
    "cut_folds",
    "cut_slices",
    "decide",
    "derive_rows",
    "describe_checkout",
    "describe_stop",
    "explain_risk",
    "find_overspending",
    "find_top_source",
    "gather_evidence",
    "hold_functions",
    "judge_answers",
    "lay_brought",
    "lay_golden",
    "leave_golden_out",
    "load_loop",
    "make_policy",
    "make_watch",
    "measure_pace",
    "place_risk",
    "read_golden",
    "read_slices",
    "repeat_step",
    "restore_watch",
    "stop_run",
    "sum_spending",
    "take_rows",
    "tell_cadence",
    "tell_triggers",
    "trace_evidence",
    "train_challenger",
    "watch_log",
]
