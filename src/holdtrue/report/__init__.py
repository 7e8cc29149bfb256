"""Report: charts and sentences made from domain nouns; it decides nothing and touches no world but its own output."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
