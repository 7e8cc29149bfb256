"""A module whose log handler was made when it was imported; for child processes."""

import logging

from holdtrue.environments import hearing

HANDLER = logging.StreamHandler()  # it holds the stream that was there when this module was imported
logging.getLogger("sample").addHandler(HANDLER)


def hear_log(_: None) -> str:
    with hearing() as printed:
        logging.getLogger("sample").warning("from a log")
        print("from a print")
    return printed.text
