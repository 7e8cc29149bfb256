"""Codebase: what a function of the project reaches, one digest of it, its kept source, and how that is run."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
