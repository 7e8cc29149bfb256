"""token: who may call the server: make a token, list them, take one away."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.errors import NotFound
from holdtrue.project import FOLDER
from holdtrue.serving import TokenRole, create_token, list_tokens, revoke_token

from .console import print_json, print_table, say

Folder = Annotated[Path, typer.Option(help="The project's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

token = typer.Typer(help="Say who may call the server: tokens with roles.", no_args_is_help=True)


@token.command()
def create(
    name: Annotated[str, typer.Option(help="Says whose it is; to revoke it by.")],
    role: Annotated[
        TokenRole, typer.Option(help="What its holder may do: this, and all that the roles before it may.")
    ],
    folder: Folder = Path(),
    json: AsJson = False,
) -> None:
    """Make a token and show it, this once."""
    secret = create_token(_find_home(folder), name=name, role=role)
    if json:
        print_json({"name": name, "role": role.value, "token": secret})
        return
    say(secret)
    say(f"This is the token {name!r} of the role {role.value!r}. It is shown this once; only its digest is kept.")


@token.command("list")
def show(folder: Folder = Path(), json: AsJson = False) -> None:
    """List the tokens: name, role and age, no secret."""
    found = list_tokens(_find_home(folder))
    if json:
        told = [{"name": each.name, "role": each.role.value, "created_at": each.created_at} for each in found]
        print_json({"tokens": told})
    elif found:
        rows = [(each.name, each.role.value, each.created_at.isoformat(timespec="seconds")) for each in found]
        print_table("Tokens", ("name", "role", "created at"), rows)
    else:
        say("There is no token: this machine alone may call the server, and nobody may force a version.")


@token.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The name that it was made under.")],
    folder: Folder = Path(),
    json: AsJson = False,
) -> None:
    """Take a token away; running servers refuse it within half a second."""
    home = _find_home(folder)
    gone = revoke_token(home, name)
    n_left = len(list_tokens(home))
    if json:
        print_json({"name": gone.name, "role": gone.role.value, "n_left": n_left})
        return
    say(f"The token {gone.name!r} of the role {gone.role.value!r} counts no more; {n_left} left.")
    if not n_left:
        say("Without any token this machine may call the server freely, and others not at all.")


def _find_home(folder: Path) -> Path:
    home = folder / FOLDER
    if not home.is_dir():
        raise NotFound(f"{folder} holds no project", remedy="holdtrue train loop.py")
    return home


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.add_typer(token, name="token")
