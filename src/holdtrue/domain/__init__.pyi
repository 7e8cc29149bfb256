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
from .check import BeatsBaseline as BeatsBaseline
from .check import Check as Check
from .check import NoLeak as NoLeak
from .check import NotWorse as NotWorse
from .check import Standard as Standard
from .check import beats_baseline as beats_baseline
from .check import no_leak as no_leak
from .check import not_worse as not_worse
from .dataset import DatasetRecord as DatasetRecord
from .digest import Json as Json
from .digest import digest_of as digest_of
from .digest import encode_canonically as encode_canonically
from .loop import Loop as Loop
from .loss import PROBABILITY_CLIP as PROBABILITY_CLIP
from .loss import Loss as Loss
from .loss import LossKind as LossKind
from .loss import default_kind as default_kind
from .outcome import ActionRule as ActionRule
from .outcome import Money as Money
from .outcome import make_action_rule as make_action_rule
from .outcome import money as money
from .prediction import LabelFact as LabelFact
from .prediction import Prediction as Prediction
from .quality import measure_quality as measure_quality
from .rollout import ABORT_BUDGET as ABORT_BUDGET
from .rollout import Rollout as Rollout
from .rollout import RolloutPlan as RolloutPlan
from .rollout import RolloutStatus as RolloutStatus
from .rollout import RolloutTerms as RolloutTerms
from .rollout import Stage as Stage
from .rollout import StageKind as StageKind
from .rollout import Strategy as Strategy
from .rollout import canary as canary
from .run import Run as Run
from .run import RunCost as RunCost
from .run import RunState as RunState
from .run import StepRecord as StepRecord
from .schema import Column as Column
from .schema import Kind as Kind
from .schema import Schema as Schema
from .signature import Signature as Signature
from .source import LabelScope as LabelScope
from .source import Predictions as Predictions
from .source import Table as Table
from .source import predictions as predictions
from .source import table as table
from .span import parse_span as parse_span
from .task import LabelValue as LabelValue
from .task import Task as Task
from .traffic import Assignment as Assignment
from .traffic import Role as Role
from .traffic import Traffic as Traffic
from .traffic import assign as assign
from .traffic import hash_unit as hash_unit
from .trigger import Every as Every
from .trigger import OnRisk as OnRisk
from .trigger import Triggers as Triggers
from .trigger import every as every
from .trigger import on_risk as on_risk
from .verdict import Ruling as Ruling
from .verdict import Verdict as Verdict
from .verdict import VerdictRecord as VerdictRecord
from .verdict import VerdictStage as VerdictStage
from .verdict import combine_rulings as combine_rulings
from .version import AliasEvent as AliasEvent
from .version import Lineage as Lineage
from .version import ModelFormat as ModelFormat
from .version import Release as Release
from .version import Version as Version
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

__all__ = [
    "ABORT_BUDGET",
    "FIRST",
    "PROBABILITY_CLIP",
    "ActionRule",
    "Alert",
    "AliasEvent",
    "Assignment",
    "AuditEntry",
    "BacktestResult",
    "BeatsBaseline",
    "Cause",
    "Check",
    "Column",
    "Comparison",
    "DatasetRecord",
    "Decision",
    "DecisionKind",
    "Every",
    "EvidencePoint",
    "Explanation",
    "Json",
    "Kind",
    "LabelCoverage",
    "LabelFact",
    "LabelScope",
    "LabelValue",
    "Lineage",
    "Loop",
    "LoopView",
    "Loss",
    "LossKind",
    "ModelFormat",
    "Money",
    "NoLeak",
    "NotWorse",
    "OnRisk",
    "Overview",
    "PeriodResult",
    "PolicyResult",
    "Prediction",
    "Predictions",
    "Release",
    "Role",
    "Rollout",
    "RolloutPlan",
    "RolloutStatus",
    "RolloutTerms",
    "RolloutView",
    "Ruling",
    "Run",
    "RunCost",
    "RunState",
    "Schema",
    "ShareChange",
    "Signature",
    "Stage",
    "StageKind",
    "Standard",
    "StandardResult",
    "StepRecord",
    "Strategy",
    "Table",
    "Takeover",
    "Task",
    "Traffic",
    "Triggers",
    "Value",
    "Verdict",
    "VerdictRecord",
    "VerdictStage",
    "Version",
    "WatchResult",
    "WatchedVersion",
    "Window",
    "assign",
    "beats_baseline",
    "canary",
    "combine_rulings",
    "default_kind",
    "digest_of",
    "encode_canonically",
    "every",
    "hash_unit",
    "link_digest",
    "make_action_rule",
    "measure_quality",
    "money",
    "no_leak",
    "not_worse",
    "on_risk",
    "parse_span",
    "predictions",
    "table",
]
