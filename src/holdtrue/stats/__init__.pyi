from .betting import EProcess as EProcess
from .betting import Side as Side
from .blocks import design_effect as design_effect
from .delong import DeLong as DeLong
from .delong import auc_interval as auc_interval
from .delong import delong_paired as delong_paired
from .detector import EDetector as EDetector
from .detector import has_family_alarmed as has_family_alarmed
from .detector import mean_log_m as mean_log_m
from .detector_family import DetectorFamily as DetectorFamily
from .drift import Homogeneity as Homogeneity
from .drift import Profile as Profile
from .drift import bin_reference as bin_reference
from .drift import homogeneity_test as homogeneity_test
from .drift import ks_distance as ks_distance
from .drift import population_stability_index as population_stability_index
from .drift import wasserstein as wasserstein
from .family import holm as holm
from .interval import Interval as Interval
from .jackknife import jackknife_interval as jackknife_interval
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
from .move import Move as Move
from .move import MoveRule as MoveRule
from .move import Wobble as Wobble
from .move import calibrate_wobble as calibrate_wobble
from .move import judge_move as judge_move
from .packing import pack_profile as pack_profile
from .packing import unpack_profile as unpack_profile
from .paired import PairedInterval as PairedInterval
from .paired import paired_interval as paired_interval
from .paired import required_rows as required_rows
from .ppi import PoweredMean as PoweredMean
from .ppi import powered_mean as powered_mean
from .profile import N_LEVELS as N_LEVELS
from .profile import LevelProfile as LevelProfile
from .profile import NumberProfile as NumberProfile
from .profile import choose_centre as choose_centre
from .randomised import combine_shares as combine_shares
from .randomised import randomised_confidence_sequence as randomised_confidence_sequence
from .randomised import randomised_differences as randomised_differences
from .randomised import randomised_range as randomised_range
from .sequence import confidence_sequence as confidence_sequence
from .shapley import Score as Score
from .shapley import ShapleyValues as ShapleyValues
from .shapley import sample_shapley as sample_shapley
from .skewed import Shape as Shape
from .skewed import bound_mean as bound_mean
from .skewed import measure_shape as measure_shape

__all__ = [
    "N_LEVELS",
    "Calibration",
    "CalibrationBin",
    "DeLong",
    "DetectorFamily",
    "EDetector",
    "EProcess",
    "Homogeneity",
    "Interval",
    "LevelProfile",
    "Move",
    "MoveRule",
    "NumberProfile",
    "PairedInterval",
    "PoweredMean",
    "Profile",
    "Score",
    "Shape",
    "ShapleyValues",
    "Side",
    "Wobble",
    "absolute_error_rows",
    "accuracy",
    "auc",
    "auc_interval",
    "bin_reference",
    "bound_mean",
    "brier_range",
    "brier_rows",
    "calibrate_wobble",
    "calibration",
    "choose_centre",
    "combine_shares",
    "confidence_sequence",
    "delong_paired",
    "design_effect",
    "has_family_alarmed",
    "holm",
    "homogeneity_test",
    "jackknife_interval",
    "judge_move",
    "ks_distance",
    "log_loss_range",
    "log_loss_rows",
    "macro_auc",
    "mean_absolute_error",
    "mean_log_m",
    "measure_shape",
    "pack_profile",
    "paired_interval",
    "population_stability_index",
    "powered_mean",
    "randomised_confidence_sequence",
    "randomised_differences",
    "randomised_range",
    "required_rows",
    "root_mean_squared_error",
    "sample_shapley",
    "squared_error_rows",
    "unpack_profile",
    "wasserstein",
]
