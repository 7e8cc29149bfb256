"""Tuning: the parameters of a recipe, looked for by trials on rows that no gate will judge."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
