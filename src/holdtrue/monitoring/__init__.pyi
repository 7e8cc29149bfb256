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
from .risk import settle_design_effect as settle_design_effect
from .risk import watch_risk as watch_risk
from .slices import Parts as Parts
from .slices import SliceAlarm as SliceAlarm
from .slices import SliceRows as SliceRows
from .slices import SlicesReading as SlicesReading
from .slices import SliceWatch as SliceWatch
from .slices import find_places as find_places
from .slices import measure_slices as measure_slices
from .slices import merge_alarms as merge_alarms
from .slices import tell_places as tell_places
from .slices import tell_risen as tell_risen
from .windows import MeasuredWindows as MeasuredWindows
from .windows import measure_windows as measure_windows

__all__ = [
    "Alarm",
    "ColumnMove",
    "Course",
    "DriftReport",
    "FlowReading",
    "LikelyCause",
    "MeasuredWindows",
    "Parts",
    "Quality",
    "ReferenceRisk",
    "RiskReading",
    "SliceAlarm",
    "SliceRows",
    "SliceWatch",
    "SlicesReading",
    "believe_quality",
    "choose_limit",
    "explain_drift",
    "find_places",
    "follow_alarms",
    "measure_beliefs",
    "measure_metrics",
    "measure_quality",
    "measure_reference",
    "measure_slices",
    "measure_windows",
    "merge_alarms",
    "report_drift",
    "settle_design_effect",
    "tell_causes",
    "tell_places",
    "tell_risen",
    "trace_alarms",
    "watch_labels",
    "watch_predictions",
    "watch_risk",
]
