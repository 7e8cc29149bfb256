from .alarm import Alarm as Alarm
from .alarm import Course as Course
from .alarm import follow_alarms as follow_alarms
from .alarm import trace_alarms as trace_alarms
from .belief import believe_quality as believe_quality
from .belief import measure_beliefs as measure_beliefs
from .drift import LikelyCause as LikelyCause
from .drift import explain_drift as explain_drift
from .drift import tell_causes as tell_causes
from .flow import FlowReading as FlowReading
from .flow import watch_labels as watch_labels
from .flow import watch_predictions as watch_predictions
from .quality import Quality as Quality
from .quality import measure_metrics as measure_metrics
from .quality import measure_quality as measure_quality
from .report import ColumnMove as ColumnMove
from .report import DriftReport as DriftReport
from .report import report_drift as report_drift
from .risk import ReferenceRisk as ReferenceRisk
from .risk import RiskReading as RiskReading
from .risk import choose_limit as choose_limit
from .risk import measure_reference as measure_reference
from .risk import watch_risk as watch_risk
from .windows import measure_windows as measure_windows

__all__ = [
    "Alarm",
    "ColumnMove",
    "Course",
    "DriftReport",
    "FlowReading",
    "LikelyCause",
    "Quality",
    "ReferenceRisk",
    "RiskReading",
    "believe_quality",
    "choose_limit",
    "explain_drift",
    "follow_alarms",
    "measure_beliefs",
    "measure_metrics",
    "measure_quality",
    "measure_reference",
    "measure_windows",
    "report_drift",
    "tell_causes",
    "trace_alarms",
    "watch_labels",
    "watch_predictions",
    "watch_risk",
]
