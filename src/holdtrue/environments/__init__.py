"""Environments: where work and services run; they get `module:function` plus JSON and know nothing of models."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
