from .breaches import check_frame as check_frame
from .breaches import check_freshness as check_freshness
from .breaches import check_rows as check_rows
from .breaches import find_suspects as find_suspects
from .breaches import refuse_breaches as refuse_breaches
from .columns import conform as conform
from .columns import count_unseen as count_unseen
from .columns import infer_schema as infer_schema
from .computed import derive_columns as derive_columns
from .dataset import Dataset as Dataset
from .declaration import draft_schema as draft_schema
from .declaration import find_schema as find_schema
from .declaration import print_schema_file as print_schema_file
from .declaration import schema as schema
from .derived import derive_history as derive_history
from .derived import take_rows as take_rows
from .erasure import Erased as Erased
from .erasure import erase_key as erase_key
from .expression import print_features as print_features
from .files import name_nearest as name_nearest
from .files import print_files as print_files
from .files import read_files as read_files
from .growth import extend_history as extend_history
from .history import History as History
from .label_file import Recorded as Recorded
from .label_file import read_label_file as read_label_file
from .label_file import record_label_file as record_label_file
from .label_reader import LabelReader as LabelReader
from .labels import collect_labels as collect_labels
from .labels import join_labels as join_labels
from .labels import latest_labels as latest_labels
from .labels import record_labels as record_labels
from .log.child import Upkeep as Upkeep
from .log.child import read_log_problems as read_log_problems
from .log.compaction import Compacted as Compacted
from .log.compaction import compact_log as compact_log
from .log.profiles import DayProfile as DayProfile
from .log.profiles import read_log_profiles as read_log_profiles
from .log.query import LogQuery as LogQuery
from .log.query import LogSource as LogSource
from .log.query import query_log as query_log
from .log.query import write_query as write_query
from .log.retention import Removed as Removed
from .log.retention import remove_old_rows as remove_old_rows
from .logged import LoggedPredictions as LoggedPredictions
from .logged import read_logged as read_logged
from .moment import read_moments as read_moments
from .packing import pack_dataset as pack_dataset
from .packing import unpack_dataset as unpack_dataset
from .past import find_refresh as find_refresh
from .past import gather_lookup as gather_lookup
from .predictions import PredictionReader as PredictionReader
from .predictions import read_log_rows as read_log_rows
from .predictions import read_predictions as read_predictions
from .predictions import read_writer_ids as read_writer_ids
from .profile import FrameProfile as FrameProfile
from .profile import measure_column as measure_column
from .profile import profile_files as profile_files
from .profile import profile_frame as profile_frame
from .row_digest import digest_rows as digest_rows
from .row_function import DeclaredFunction as DeclaredFunction
from .rules import find_table_rules as find_table_rules
from .schema_file import parse_schema as parse_schema
from .schema_file import read_schema as read_schema
from .schema_file import write_schema as write_schema
from .slices import JSON_LINES as JSON_LINES
from .slices import SlicedFile as SlicedFile
from .slices import open_slices as open_slices
from .slices import take_kinds as take_kinds
from .snapshot import holds_snapshot as holds_snapshot
from .snapshot import load_last_snapshot as load_last_snapshot
from .snapshot import load_snapshot as load_snapshot
from .snapshot import read_snapshot as read_snapshot
from .snapshot import take_snapshot as take_snapshot
from .snapshot import write_snapshot as write_snapshot
from .table import print_table as print_table
from .table import read_frame as read_frame
from .table import read_history as read_history
from .task import encode_labels as encode_labels

__all__ = [
    "JSON_LINES",
    "Compacted",
    "Dataset",
    "DayProfile",
    "DeclaredFunction",
    "Erased",
    "FrameProfile",
    "History",
    "LabelReader",
    "LogQuery",
    "LogSource",
    "LoggedPredictions",
    "PredictionReader",
    "Recorded",
    "Removed",
    "SlicedFile",
    "Upkeep",
    "check_frame",
    "check_freshness",
    "check_rows",
    "collect_labels",
    "compact_log",
    "conform",
    "count_unseen",
    "derive_columns",
    "derive_history",
    "digest_rows",
    "draft_schema",
    "encode_labels",
    "erase_key",
    "extend_history",
    "find_refresh",
    "find_schema",
    "find_suspects",
    "find_table_rules",
    "gather_lookup",
    "holds_snapshot",
    "infer_schema",
    "join_labels",
    "latest_labels",
    "load_last_snapshot",
    "load_snapshot",
    "measure_column",
    "name_nearest",
    "open_slices",
    "pack_dataset",
    "parse_schema",
    "print_features",
    "print_files",
    "print_schema_file",
    "print_table",
    "profile_files",
    "profile_frame",
    "query_log",
    "read_files",
    "read_frame",
    "read_history",
    "read_label_file",
    "read_log_problems",
    "read_log_profiles",
    "read_log_rows",
    "read_logged",
    "read_moments",
    "read_predictions",
    "read_schema",
    "read_snapshot",
    "read_writer_ids",
    "record_label_file",
    "record_labels",
    "refuse_breaches",
    "remove_old_rows",
    "schema",
    "take_kinds",
    "take_rows",
    "take_snapshot",
    "unpack_dataset",
    "write_query",
    "write_schema",
    "write_snapshot",
]
