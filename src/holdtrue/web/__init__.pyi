from .app import make_app as make_app
from .server import PageServer as PageServer
from .server import start_page as start_page
from .view import ProjectView as ProjectView

__all__ = ["PageServer", "ProjectView", "make_app", "start_page"]
