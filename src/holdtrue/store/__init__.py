"""Store: the one truth of a project. The only room that speaks SQL or touches artifact files and log segments."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
