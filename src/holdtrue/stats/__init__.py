"""The maths of the loop: estimate, compare, measure distance, accumulate. No I/O, no clock, no logger."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
