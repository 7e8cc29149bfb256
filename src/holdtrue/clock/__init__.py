"""Clock: where now comes from. Business time may be real, scaled or virtual; verdicts and labels go by it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
