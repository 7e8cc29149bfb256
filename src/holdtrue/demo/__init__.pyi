from .flights import write_flights as write_flights

__all__ = ["write_flights"]
