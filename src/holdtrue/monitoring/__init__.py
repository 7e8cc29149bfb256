"""Monitoring: watches the measured risk, shows quality over time, explains by drift, and keeps alerts few."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
