"""Fast: the short way for plainly good requests. Whatever is not, every failure included, goes the way of the app."""
