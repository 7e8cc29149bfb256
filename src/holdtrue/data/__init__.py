"""Data: tables and logs in, checked histories and datasets out; late labels joined as of a moment."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
