from .contributions import explain_row as explain_row
from .format import StoredModel as StoredModel
from .format import check_model as check_model
from .format import dump_model as dump_model
from .format import load_model as load_model
from .format import name_format as name_format
from .format import recall_model as recall_model
from .keyring import Keyring as Keyring
from .levels import learn_levels as learn_levels
from .mlflow_folder import find_mlflow_model as find_mlflow_model
from .mlflow_layout import lay_out_mlflow as lay_out_mlflow
from .part import dump_part as dump_part
from .part import load_part as load_part
from .part import name_part as name_part
from .release import open_release as open_release
from .release import publish_release as publish_release
from .release import read_release as read_release
from .row_code import has_own_release as has_own_release
from .row_code import load_functions as load_functions
from .scorer import ScoredRows as ScoredRows
from .scorer import Scorer as Scorer
from .twin import make_twin as make_twin
from .version import CHAMPION as CHAMPION
from .version import digest_version as digest_version
from .version import point_alias as point_alias
from .version import register_version as register_version
from .version import resolve_version as resolve_version

__all__ = [
    "CHAMPION",
    "Keyring",
    "ScoredRows",
    "Scorer",
    "StoredModel",
    "check_model",
    "digest_version",
    "dump_model",
    "dump_part",
    "explain_row",
    "find_mlflow_model",
    "has_own_release",
    "lay_out_mlflow",
    "learn_levels",
    "load_functions",
    "load_model",
    "load_part",
    "make_twin",
    "name_format",
    "name_part",
    "open_release",
    "point_alias",
    "publish_release",
    "read_release",
    "recall_model",
    "register_version",
    "resolve_version",
]
