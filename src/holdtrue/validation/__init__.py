"""Validation: checks that judge a version before it may answer anyone; each yields a verdict, never an exception."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
