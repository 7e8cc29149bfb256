from .backtest import run_backtest as run_backtest
from .data import Dataset as Dataset
from .data import schema as schema
from .domain import Loop as Loop
from .domain import Ruling as Ruling
from .domain import Verdict as Verdict
from .domain import after as after
from .domain import beats_baseline as beats_baseline
from .domain import between as between
from .domain import calibrated as calibrated
from .domain import canary as canary
from .domain import column as column
from .domain import constant as constant
from .domain import cron as cron
from .domain import every as every
from .domain import fairness as fairness
from .domain import frames as frames
from .domain import golden as golden
from .domain import guards as guards
from .domain import highest as highest
from .domain import history as history
from .domain import integers as integers
from .domain import invariant_to as invariant_to
from .domain import last_good as last_good
from .domain import log_between as log_between
from .domain import lowest as lowest
from .domain import money as money
from .domain import monotone_in as monotone_in
from .domain import no_leak as no_leak
from .domain import not_worse as not_worse
from .domain import on_new_data as on_new_data
from .domain import on_risk as on_risk
from .domain import one_of as one_of
from .domain import predictions as predictions
from .domain import reproducible as reproducible
from .domain import robust_to as robust_to
from .domain import rule as rule
from .domain import sampled as sampled
from .domain import serves as serves
from .domain import slices as slices
from .domain import sql as sql
from .domain import step as step
from .domain import table as table
from .domain import tune as tune
from .pipeline import keep_figure as keep_figure
from .pipeline import note_metric as note_metric
from .pipeline import note_parameter as note_parameter
from .validation import Candidate as Candidate

__all__ = [
    "Candidate",
    "Dataset",
    "Loop",
    "Ruling",
    "Verdict",
    "after",
    "beats_baseline",
    "between",
    "calibrated",
    "canary",
    "column",
    "constant",
    "cron",
    "every",
    "fairness",
    "frames",
    "golden",
    "guards",
    "highest",
    "history",
    "integers",
    "invariant_to",
    "keep_figure",
    "last_good",
    "log_between",
    "lowest",
    "money",
    "monotone_in",
    "no_leak",
    "not_worse",
    "note_metric",
    "note_parameter",
    "on_new_data",
    "on_risk",
    "one_of",
    "predictions",
    "reproducible",
    "robust_to",
    "rule",
    "run_backtest",
    "sampled",
    "schema",
    "serves",
    "slices",
    "sql",
    "step",
    "table",
    "tune",
]
