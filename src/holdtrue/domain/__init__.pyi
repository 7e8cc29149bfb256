from .alert import Alert as Alert
from .alert import Cause as Cause
from .alert import Window as Window
from .audit import FIRST as FIRST
from .audit import AuditEntry as AuditEntry
from .audit import link_digest as link_digest
from .backtest import BacktestResult as BacktestResult
from .backtest import Comparison as Comparison
from .backtest import Decision as Decision
from .backtest import DecisionKind as DecisionKind
from .backtest import PeriodResult as PeriodResult
from .backtest import PolicyResult as PolicyResult
from .backtest import StandardResult as StandardResult
from .backtest import Value as Value
from .behaviour import Direction as Direction
from .behaviour import InvariantTo as InvariantTo
from .behaviour import MonotoneIn as MonotoneIn
from .behaviour import Reproducible as Reproducible
from .behaviour import RobustTo as RobustTo
from .behaviour import Serves as Serves
from .behaviour import invariant_to as invariant_to
from .behaviour import monotone_in as monotone_in
from .behaviour import reproducible as reproducible
from .behaviour import robust_to as robust_to
from .behaviour import serves as serves
from .belief import Belief as Belief
from .belief import Estimate as Estimate
from .card import DeclaredUse as DeclaredUse
from .card import ModelCard as ModelCard
from .check import BeatsBaseline as BeatsBaseline
from .check import Calibrated as Calibrated
from .check import Check as Check
from .check import Equality as Equality
from .check import Fairness as Fairness
from .check import NoLeak as NoLeak
from .check import NotWorse as NotWorse
from .check import OwnCheck as OwnCheck
from .check import Slices as Slices
from .check import Standard as Standard
from .check import beats_baseline as beats_baseline
from .check import calibrated as calibrated
from .check import fairness as fairness
from .check import no_leak as no_leak
from .check import not_worse as not_worse
from .check import slices as slices
from .contribution import Contribution as Contribution
from .contribution import Contributions as Contributions
from .contribution import Method as Method
from .contribution import Scale as Scale
from .dataset import DatasetRecord as DatasetRecord
from .digest import Json as Json
from .digest import digest_of as digest_of
from .digest import encode_canonically as encode_canonically
from .early import EarlyLabels as EarlyLabels
from .early import sampled as sampled
from .fallback import BROKEN_ROW as BROKEN_ROW
from .fallback import Fallback as Fallback
from .fallback import FallbackCause as FallbackCause
from .fallback import FallbackKind as FallbackKind
from .fallback import Substitute as Substitute
from .fallback import constant as constant
from .fallback import last_good as last_good
from .fallback import make_substitute as make_substitute
from .fallback import match_failed as match_failed
from .fallback import rule as rule
from .fallback import tell_failed as tell_failed
from .fallback import tell_late as tell_late
from .feature import MOMENT as MOMENT
from .feature import Feature as Feature
from .feature import Gathering as Gathering
from .feature import Past as Past
from .feature import PastWindow as PastWindow
from .feature import history as history
from .feature import name_past_key as name_past_key
from .formula import make_formula as make_formula
from .formula import read_instant as read_instant
from .formula import settle_value as settle_value
from .guards import Golden as Golden
from .guards import Guards as Guards
from .guards import golden as golden
from .guards import guards as guards
from .log_policy import Durability as Durability
from .log_policy import LogPolicy as LogPolicy
from .log_policy import WhenFull as WhenFull
from .log_policy import parse_size as parse_size
from .log_policy import read_log_policy as read_log_policy
from .lookup import NO_LOOKUP as NO_LOOKUP
from .lookup import Lookup as Lookup
from .lookup import PastTable as PastTable
from .loop import Loop as Loop
from .loss import PROBABILITY_CLIP as PROBABILITY_CLIP
from .loss import Loss as Loss
from .loss import LossKind as LossKind
from .loss import default_kind as default_kind
from .metric import Metric as Metric
from .metric import highest as highest
from .metric import lowest as lowest
from .outcome import ActionRule as ActionRule
from .outcome import Money as Money
from .outcome import make_action_rule as make_action_rule
from .outcome import money as money
from .pipeline_step import OPTIONS as OPTIONS
from .pipeline_step import Step as Step
from .pipeline_step import StepFunction as StepFunction
from .pipeline_step import StepOptions as StepOptions
from .pipeline_step import order_steps as order_steps
from .pipeline_step import read_step as read_step
from .pipeline_step import step as step
from .predicate import Expression as Expression
from .predicate import Predicate as Predicate
from .predicate import make_expression as make_expression
from .predicate import make_predicate as make_predicate
from .prediction import LabelFact as LabelFact
from .prediction import Prediction as Prediction
from .provenance import Checkout as Checkout
from .provenance import Installation as Installation
from .provenance import Provenance as Provenance
from .quality import measure_quality as measure_quality
from .recipe import DATA as DATA
from .recipe import Recipe as Recipe
from .rollout import ABORT_BUDGET as ABORT_BUDGET
from .rollout import Rollout as Rollout
from .rollout import RolloutPlan as RolloutPlan
from .rollout import RolloutStatus as RolloutStatus
from .rollout import RolloutTerms as RolloutTerms
from .rollout import Stage as Stage
from .rollout import StageKind as StageKind
from .rollout import Strategy as Strategy
from .rollout import canary as canary
from .row_function import Ask as Ask
from .row_function import RowFunction as RowFunction
from .row_function import RowFunctionFailed as RowFunctionFailed
from .row_function import ask_row as ask_row
from .run import LOST as LOST
from .run import SEEN_AT as SEEN_AT
from .run import Figure as Figure
from .run import Run as Run
from .run import RunCost as RunCost
from .run import RunState as RunState
from .run import StepNotes as StepNotes
from .run import StepRecord as StepRecord
from .run import choose_last as choose_last
from .schedule import Cron as Cron
from .schedule import TimeOfDay as TimeOfDay
from .schema import Bound as Bound
from .schema import Column as Column
from .schema import Kind as Kind
from .schema import Limits as Limits
from .schema import Rule as Rule
from .schema import Schema as Schema
from .schema import SchemaFile as SchemaFile
from .schema import column as column
from .signature import Signature as Signature
from .slicing import ColumnCut as ColumnCut
from .slicing import SliceCut as SliceCut
from .slicing import SliceReading as SliceReading
from .slicing import SliceReference as SliceReference
from .source import LabelScope as LabelScope
from .source import Predictions as Predictions
from .source import Query as Query
from .source import Table as Table
from .source import frames as frames
from .source import predictions as predictions
from .source import sql as sql
from .source import table as table
from .span import parse_span as parse_span
from .task import LabelValue as LabelValue
from .task import Task as Task
from .traffic import Assignment as Assignment
from .traffic import Role as Role
from .traffic import Traffic as Traffic
from .traffic import assign as assign
from .traffic import hash_unit as hash_unit
from .trial import TUNING as TUNING
from .trial import Choice as Choice
from .trial import MetricProof as MetricProof
from .trial import Proof as Proof
from .trial import Trial as Trial
from .trial import TrialState as TrialState
from .trial import Tuning as Tuning
from .trial import find_tuning as find_tuning
from .trigger import After as After
from .trigger import Every as Every
from .trigger import OnCron as OnCron
from .trigger import OnNewData as OnNewData
from .trigger import OnRisk as OnRisk
from .trigger import Trigger as Trigger
from .trigger import Triggers as Triggers
from .trigger import after as after
from .trigger import cron as cron
from .trigger import every as every
from .trigger import on_new_data as on_new_data
from .trigger import on_risk as on_risk
from .tuning import Between as Between
from .tuning import Integers as Integers
from .tuning import OneOf as OneOf
from .tuning import Range as Range
from .tuning import Tune as Tune
from .tuning import between as between
from .tuning import integers as integers
from .tuning import log_between as log_between
from .tuning import one_of as one_of
from .tuning import tune as tune
from .verdict import Ruling as Ruling
from .verdict import Verdict as Verdict
from .verdict import VerdictRecord as VerdictRecord
from .verdict import VerdictStage as VerdictStage
from .verdict import combine_rulings as combine_rulings
from .version import WEIGHT as WEIGHT
from .version import AliasEvent as AliasEvent
from .version import Lineage as Lineage
from .version import ModelFormat as ModelFormat
from .version import Release as Release
from .version import Version as Version
from .version import find_former as find_former
from .version import name_brought as name_brought
from .version_comparison import ComparedVersion as ComparedVersion
from .version_comparison import Finding as Finding
from .version_comparison import Measured as Measured
from .version_comparison import ReliabilityBin as ReliabilityBin
from .version_comparison import SliceDifference as SliceDifference
from .version_comparison import VersionComparison as VersionComparison
from .view import EvidencePoint as EvidencePoint
from .view import Explanation as Explanation
from .view import LabelCoverage as LabelCoverage
from .view import LoopView as LoopView
from .view import Overview as Overview
from .view import RolloutView as RolloutView
from .view import ShareChange as ShareChange
from .view import Takeover as Takeover
from .watch import WatchedVersion as WatchedVersion
from .watch import WatchResult as WatchResult
from .wording import format_clause as format_clause
from .wording import format_count as format_count
from .wording import format_figure as format_figure

__all__ = [
    "ABORT_BUDGET",
    "BROKEN_ROW",
    "DATA",
    "FIRST",
    "LOST",
    "MOMENT",
    "NO_LOOKUP",
    "OPTIONS",
    "PROBABILITY_CLIP",
    "SEEN_AT",
    "TUNING",
    "WEIGHT",
    "ActionRule",
    "After",
    "Alert",
    "AliasEvent",
    "Ask",
    "Assignment",
    "AuditEntry",
    "BacktestResult",
    "BeatsBaseline",
    "Belief",
    "Between",
    "Bound",
    "Calibrated",
    "Cause",
    "Check",
    "Checkout",
    "Choice",
    "Column",
    "ColumnCut",
    "ComparedVersion",
    "Comparison",
    "Contribution",
    "Contributions",
    "Cron",
    "DatasetRecord",
    "Decision",
    "DecisionKind",
    "DeclaredUse",
    "Direction",
    "Durability",
    "EarlyLabels",
    "Equality",
    "Estimate",
    "Every",
    "EvidencePoint",
    "Explanation",
    "Expression",
    "Fairness",
    "Fallback",
    "FallbackCause",
    "FallbackKind",
    "Feature",
    "Figure",
    "Finding",
    "Gathering",
    "Golden",
    "Guards",
    "Installation",
    "Integers",
    "InvariantTo",
    "Json",
    "Kind",
    "LabelCoverage",
    "LabelFact",
    "LabelScope",
    "LabelValue",
    "Limits",
    "Lineage",
    "LogPolicy",
    "Lookup",
    "Loop",
    "LoopView",
    "Loss",
    "LossKind",
    "Measured",
    "Method",
    "Metric",
    "MetricProof",
    "ModelCard",
    "ModelFormat",
    "Money",
    "MonotoneIn",
    "NoLeak",
    "NotWorse",
    "OnCron",
    "OnNewData",
    "OnRisk",
    "OneOf",
    "Overview",
    "OwnCheck",
    "Past",
    "PastTable",
    "PastWindow",
    "PeriodResult",
    "PolicyResult",
    "Predicate",
    "Prediction",
    "Predictions",
    "Proof",
    "Provenance",
    "Query",
    "Range",
    "Recipe",
    "Release",
    "ReliabilityBin",
    "Reproducible",
    "RobustTo",
    "Role",
    "Rollout",
    "RolloutPlan",
    "RolloutStatus",
    "RolloutTerms",
    "RolloutView",
    "RowFunction",
    "RowFunctionFailed",
    "Rule",
    "Ruling",
    "Run",
    "RunCost",
    "RunState",
    "Scale",
    "Schema",
    "SchemaFile",
    "Serves",
    "ShareChange",
    "Signature",
    "SliceCut",
    "SliceDifference",
    "SliceReading",
    "SliceReference",
    "Slices",
    "Stage",
    "StageKind",
    "Standard",
    "StandardResult",
    "Step",
    "StepFunction",
    "StepNotes",
    "StepOptions",
    "StepRecord",
    "Strategy",
    "Substitute",
    "Table",
    "Takeover",
    "Task",
    "TimeOfDay",
    "Traffic",
    "Trial",
    "TrialState",
    "Trigger",
    "Triggers",
    "Tune",
    "Tuning",
    "Value",
    "Verdict",
    "VerdictRecord",
    "VerdictStage",
    "Version",
    "VersionComparison",
    "WatchResult",
    "WatchedVersion",
    "WhenFull",
    "Window",
    "after",
    "ask_row",
    "assign",
    "beats_baseline",
    "between",
    "calibrated",
    "canary",
    "choose_last",
    "column",
    "combine_rulings",
    "constant",
    "cron",
    "default_kind",
    "digest_of",
    "encode_canonically",
    "every",
    "fairness",
    "find_former",
    "find_tuning",
    "format_clause",
    "format_count",
    "format_figure",
    "frames",
    "golden",
    "guards",
    "hash_unit",
    "highest",
    "history",
    "integers",
    "invariant_to",
    "last_good",
    "link_digest",
    "log_between",
    "lowest",
    "make_action_rule",
    "make_expression",
    "make_formula",
    "make_predicate",
    "make_substitute",
    "match_failed",
    "measure_quality",
    "money",
    "monotone_in",
    "name_brought",
    "name_past_key",
    "no_leak",
    "not_worse",
    "on_new_data",
    "on_risk",
    "one_of",
    "order_steps",
    "parse_size",
    "parse_span",
    "predictions",
    "read_instant",
    "read_log_policy",
    "read_step",
    "reproducible",
    "robust_to",
    "rule",
    "sampled",
    "serves",
    "settle_value",
    "slices",
    "sql",
    "step",
    "table",
    "tell_failed",
    "tell_late",
    "tune",
]
