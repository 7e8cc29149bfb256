"""Domain: the nouns that all rooms share; no I/O, no clock, no engine."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
