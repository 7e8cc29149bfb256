from .breaches import check_frame as check_frame
from .breaches import check_freshness as check_freshness
from .breaches import check_rows as check_rows
from .breaches import refuse_breaches as refuse_breaches
from .columns import conform as conform
from .columns import count_unseen as count_unseen
from .columns import infer_schema as infer_schema
from .dataset import Dataset as Dataset
from .declaration import draft_schema as draft_schema
from .declaration import find_schema as find_schema
from .declaration import print_schema_file as print_schema_file
from .declaration import schema as schema
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
from .profile import FrameProfile as FrameProfile
from .profile import measure_column as measure_column
from .profile import profile_files as profile_files
from .profile import profile_frame as profile_frame
from .row_digest import digest_rows as digest_rows
from .rules import find_table_rules as find_table_rules
from .schema_file import parse_schema as parse_schema
from .schema_file import read_schema as read_schema
from .schema_file import write_schema as write_schema
from .snapshot import load_snapshot as load_snapshot
from .snapshot import take_snapshot as take_snapshot
from .table import read_frame as read_frame
from .table import read_history as read_history
from .task import encode_labels as encode_labels

__all__ = [
    "Dataset",
    "FrameProfile",
    "History",
    "LoggedPredictions",
    "PredictionReader",
    "check_frame",
    "check_freshness",
    "check_rows",
    "collect_labels",
    "conform",
    "count_unseen",
    "digest_rows",
    "draft_schema",
    "encode_labels",
    "extend_history",
    "find_schema",
    "find_table_rules",
    "infer_schema",
    "join_labels",
    "latest_labels",
    "load_snapshot",
    "measure_column",
    "parse_schema",
    "print_files",
    "print_schema_file",
    "profile_files",
    "profile_frame",
    "read_files",
    "read_frame",
    "read_history",
    "read_logged",
    "read_moments",
    "read_predictions",
    "read_schema",
    "record_labels",
    "refuse_breaches",
    "schema",
    "take_snapshot",
    "write_schema",
]
