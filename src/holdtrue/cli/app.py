"""App: the `holdtrue` command. Errors of holdtrue become one clear sentence and an exit code.

Only the module of the command that is asked for is imported: a server must not wait for what a backtest needs.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

import typer

from holdtrue.errors import HoldtrueError, LabelsScarce, ProjectBusy, TrainingFailed

from .console import print_error

EXIT_REFUSED = 2
EXIT_INCONCLUSIVE = 4
EXIT_BUSY = 5

COMMANDS: Mapping[str, str] = {
    **dict.fromkeys(("init", "check"), "declare"),
    "backtest": "backtest",
    **dict.fromkeys(("train", "tick"), "train"),
    "tune": "tune",
    "backfill": "backfill",
    "runs": "runs",
    "reproduce": "reproduce",
    "gc": "garbage",
    "register": "register",
    "compare": "compare",
    "card": "card",
    "up": "live",
    "serve": "serve",
    "score": "score",
    "label": "label",
    "log": "log",
    **dict.fromkeys(("status", "why"), "show"),
    "watch": "watch",
    **dict.fromkeys(("promote", "rollback"), "steer"),
    "token": "token",
    "demo": "demo",
}
"""The module of each command."""


def make_app(modules: Iterable[str] = tuple(dict.fromkeys(COMMANDS.values()))) -> typer.Typer:
    """Return the command line with the commands of some modules; of all, unless said."""
    app = typer.Typer(
        name="holdtrue",
        help="holdtrue keeps machine-learning models true in production.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_take_nothing)  # without it, typer makes a single command the whole app
    for module in modules:
        import_module(f"holdtrue.cli.{module}").add_commands(app)
    return app


def _take_nothing() -> None:
    """Holdtrue keeps machine-learning models true in production."""


def find_modules(arguments: Sequence[str]) -> Sequence[str]:
    """Return the modules that a command line needs: the one of its command, or all where it names none."""
    module = COMMANDS.get(arguments[0]) if arguments else None
    return tuple(dict.fromkeys(COMMANDS.values())) if module is None else (module,)


def main() -> None:
    """Run the command line; exit with 0 done, 2 refused or mistaken, 3 failed its checks, 4 inconclusive, 5 busy."""
    try:
        make_app(find_modules(sys.argv[1:]))()
    except TrainingFailed as error:
        if error.traceback_text:
            print_error(error.traceback_text.rstrip())
        print_error(str(error))
        sys.exit(EXIT_REFUSED)
    except ProjectBusy as error:
        print_error(str(error))
        sys.exit(EXIT_BUSY)
    except LabelsScarce as error:
        print_error(str(error))
        sys.exit(EXIT_INCONCLUSIVE)
    except HoldtrueError as error:
        print_error(str(error))
        sys.exit(EXIT_REFUSED)
