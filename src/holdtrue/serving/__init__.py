"""Serving: worker processes answer requests, write the prediction log before they reply, and pull who is in charge."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
