from .betting import EProcess as EProcess
from .betting import Side as Side
from .blocks import design_effect as design_effect
from .delong import DeLong as DeLong
from .delong import auc_interval as auc_interval
from .delong import delong_paired as delong_paired
from .detector import EDetector as EDetector
from .detector import has_family_alarmed as has_family_alarmed
from .detector import mean_log_m as mean_log_m
from .interval import Interval as Interval
from .losses import absolute_error_rows as absolute_error_rows
from .losses import brier_range as brier_range
from .losses import brier_rows as brier_rows
from .losses import log_loss_range as log_loss_range
from .losses import log_loss_rows as log_loss_rows
from .losses import squared_error_rows as squared_error_rows
from .metrics import Calibration as Calibration
from .metrics import CalibrationBin as CalibrationBin
from .metrics import accuracy as accuracy
from .metrics import auc as auc
from .metrics import calibration as calibration
from .metrics import macro_auc as macro_auc
from .metrics import mean_absolute_error as mean_absolute_error
from .metrics import root_mean_squared_error as root_mean_squared_error
from .paired import PairedInterval as PairedInterval
from .paired import paired_interval as paired_interval
from .paired import required_rows as required_rows

__all__ = [
    "Calibration",
    "CalibrationBin",
    "DeLong",
    "EDetector",
    "EProcess",
    "Interval",
    "PairedInterval",
    "Side",
    "absolute_error_rows",
    "accuracy",
    "auc",
    "auc_interval",
    "brier_range",
    "brier_rows",
    "calibration",
    "delong_paired",
    "design_effect",
    "has_family_alarmed",
    "log_loss_range",
    "log_loss_rows",
    "macro_auc",
    "mean_absolute_error",
    "mean_log_m",
    "paired_interval",
    "required_rows",
    "root_mean_squared_error",
    "squared_error_rows",
]
