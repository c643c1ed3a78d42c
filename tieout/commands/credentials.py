"""`credentials`: keep tokens and keys sealed in the database, instead of in the environment or a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.commands import shell, terminal
from tieout.commands.shell import Json
from tieout.commands.shell import desk as open_desk

if TYPE_CHECKING:
    from pydantic import SecretStr

app = typer.Typer(
    no_args_is_help=True,
    help="Keep tokens and keys sealed: slack_bot_token, discord_token, model_api_key and others.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The setting's name, as `credentials list` shows it.")]

_MOST = 100_000  # bytes that are read of standard input: the store says what is too long


@app.command("set")
def set_credential(name: Name, as_json: Json = False) -> None:
    """Keep a credential. It is asked for, or read from standard input; an argument could be seen by others."""
    from tieout.use_cases.credentials import check_name

    name = _plain(name)
    check_name(name)
    secret = _read(name)
    with open_desk() as (desk, who):
        desk.put_credential(who, name, secret)
    if as_json:
        terminal.show_json({"kept": name, "given": _given(name)})
        return
    terminal.show(f"{name} is kept, sealed. `tieout up`, workers and bots use it from their next start on.")
    if _given(name):
        terminal.say(f"TIEOUT_{name.upper()} is given, too, by the environment, .env or tieout.toml, and comes first.")


@app.command("list")
def list_credentials(as_json: Json = False) -> None:
    """List what can be kept, and what is: the values stay sealed."""
    from tieout.ports import CREDENTIALS

    with open_desk() as (desk, who):
        kept = desk.credentials(who)
    rows = [{"name": name, "used": _used(name, name in kept), "set_by": kept.get(name)} for name in CREDENTIALS]
    if as_json:
        terminal.show_json({"credentials": rows})
        return
    shown = [(row["name"], row["used"] or "–", row["set_by"] or "–", CREDENTIALS[str(row["name"])]) for row in rows]
    terminal.show_table(("Name", "Used", "Kept by", "What it is"), shown)


@app.command("remove")
def remove_credential(name: Name, as_json: Json = False) -> None:
    """Remove a credential that is kept."""
    from tieout.use_cases.credentials import check_name

    name = _plain(name)
    check_name(name)
    with open_desk() as (desk, who):
        desk.remove_credential(who, name)
    if as_json:
        terminal.show_json({"removed": name})
    else:
        terminal.show(f"{name} is no longer kept. What runs goes on with it until its next start.")


@app.command("rotate")
def rotate(as_json: Json = False) -> None:
    """Seal all credentials anew: with a new key in the data folder, or with the first of TIEOUT_SECRET_KEY.

    To rotate TIEOUT_SECRET_KEY, put the new key before the old one, restart, rotate, and take the old one away.
    """
    with open_desk() as (desk, who):
        count = desk.rotate_credentials(who)
    if as_json:
        terminal.show_json({"sealed": count})
    else:
        terminal.show(f"{count} credentials are sealed anew. Those in older backups open with the old key only.")


def _plain(name: str) -> str:
    """Return the name of the setting, also when it is written as its environment variable."""
    return name.strip().lower().removeprefix("tieout_")


def _read(name: str) -> SecretStr:
    """Return what was typed without being shown, or standard input without the end of its line. Raises InvalidInput."""
    from pydantic import SecretStr

    from tieout.errors import InvalidInput

    if sys.stdin.isatty():
        import getpass

        return SecretStr(getpass.getpass(f"{name}: ").strip())
    try:
        return SecretStr(sys.stdin.buffer.read(_MOST).decode("utf-8-sig").strip())
    except UnicodeDecodeError:
        pass  # not told on: the error holds what was read
    raise InvalidInput(f"What standard input gave for {name} is not UTF-8 text.")


def _given(name: str) -> bool:
    return bool(getattr(shell.settings(), name))


def _used(name: str, kept: bool) -> str | None:
    """Return where the credential comes from that is used, None when there is none."""
    return "given" if _given(name) else "kept" if kept else None
