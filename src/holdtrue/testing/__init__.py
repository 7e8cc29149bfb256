"""Testing: public fakes and small real worlds, for our tests and for those of our users."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
