from .dataset import Dataset as Dataset
from .files import print_files as print_files
from .files import read_files as read_files
from .growth import extend_history as extend_history
from .history import History as History
from .labels import collect_labels as collect_labels
from .labels import join_labels as join_labels
from .labels import latest_labels as latest_labels
from .labels import record_labels as record_labels
from .logged import LoggedPredictions as LoggedPredictions
from .logged import read_logged as read_logged
from .moment import read_moments as read_moments
from .predictions import PredictionReader as PredictionReader
from .predictions import read_predictions as read_predictions
from .schema import check_frame as check_frame
from .schema import conform as conform
from .schema import count_unseen as count_unseen
from .schema import infer_schema as infer_schema
from .snapshot import load_snapshot as load_snapshot
from .snapshot import take_snapshot as take_snapshot
from .table import read_frame as read_frame
from .table import read_history as read_history
from .task import encode_labels as encode_labels

__all__ = [
    "Dataset",
    "History",
    "LoggedPredictions",
    "PredictionReader",
    "check_frame",
    "collect_labels",
    "conform",
    "count_unseen",
    "encode_labels",
    "extend_history",
    "infer_schema",
    "join_labels",
    "latest_labels",
    "load_snapshot",
    "print_files",
    "read_files",
    "read_frame",
    "read_history",
    "read_logged",
    "read_moments",
    "read_predictions",
    "record_labels",
    "take_snapshot",
]
