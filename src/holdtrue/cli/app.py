"""App: the `holdtrue` command. Errors of holdtrue become one clear sentence and an exit code."""

import sys

import typer

from holdtrue.errors import HoldtrueError, ProjectBusy, TrainingFailed

from . import (
    backtest,
    card,
    compare,
    declare,
    demo,
    garbage,
    label,
    live,
    log,
    register,
    reproduce,
    runs,
    score,
    show,
    steer,
    token,
    train,
    watch,
)
from .console import print_error

EXIT_REFUSED = 2
EXIT_BUSY = 5

app = typer.Typer(
    name="holdtrue",
    help="holdtrue keeps machine-learning models true in production.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_MODULES = (
    *(declare, backtest, train, runs, reproduce, garbage, register, compare, card, live, score),
    *(label, log, show, watch, steer, token, demo),
)
for module in _MODULES:
    module.add_commands(app)


def main() -> None:
    """Run the command line; exit with 0 done, 2 refused or mistaken, 3 failed its checks, 4 inconclusive, 5 busy."""
    try:
        app()
    except TrainingFailed as error:
        if error.traceback_text:
            print_error(error.traceback_text.rstrip())
        print_error(str(error))
        sys.exit(EXIT_REFUSED)
    except ProjectBusy as error:
        print_error(str(error))
        sys.exit(EXIT_BUSY)
    except HoldtrueError as error:
        print_error(str(error))
        sys.exit(EXIT_REFUSED)
