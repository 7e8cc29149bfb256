from .risk import ReferenceRisk as ReferenceRisk
from .risk import RiskReading as RiskReading
from .risk import measure_reference as measure_reference
from .risk import watch_risk as watch_risk

__all__ = ["ReferenceRisk", "RiskReading", "measure_reference", "watch_risk"]
