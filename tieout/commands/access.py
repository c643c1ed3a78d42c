"""`sign-in`, `members` and `tokens`: who gets in, and by what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.commands import shell, terminal
from tieout.commands.shell import Json
from tieout.commands.shell import desk as open_desk
from tieout.model import Role

if TYPE_CHECKING:
    from tieout.model import Grant, Member

members = typer.Typer(no_args_is_help=True, help="Add people and services to the workspace, and say what they may do.")
tokens = typer.Typer(no_args_is_help=True, help="Make and revoke tokens for programs.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The member's name.")]


def sign_in(
    member: Annotated[str | None, typer.Option(help="Whom it signs in (default: yourself).")] = None,
    as_json: Json = False,
) -> None:
    """Print a link that signs a browser in, once, within a quarter of an hour."""
    from tieout.launch import sign_in_url

    with open_desk() as (desk, who):
        url = sign_in_url(_service_url(), desk, who, member)
    if as_json:
        terminal.show_json({"url": url, "member": member or who.id})
    else:
        terminal.show(url)


def _service_url() -> str:
    """Return where browsers find the service. Raises NotAvailable."""
    from tieout.errors import NotAvailable
    from tieout.runtime import read_runtime

    settings = shell.settings()
    runtime = read_runtime(settings.folder) if settings.profile == "embedded" else None
    if settings.public_url:
        return settings.public_url
    if runtime is not None:
        return runtime.url
    if settings.profile == "team" and settings.port:
        return f"http://{settings.host}:{settings.port}"
    raise NotAvailable(
        "There is nothing to sign in to: run `tieout up`, or set TIEOUT_PUBLIC_URL to where it is reached."
    )


@members.command("list")
def list_members(as_json: Json = False) -> None:
    """List the workspace's members."""
    with open_desk() as (desk, who):
        found = desk.members(who)
    if as_json:
        terminal.show_json({"members": [_member(one) for one in found]})
        return
    rows = [
        (one.name, one.role, "yes" if one.active else "no", one.added_by, f"{one.added_at:%Y-%m-%d}") for one in found
    ]
    terminal.show_table(("Member", "Role", "Gets in", "Added by", "On"), rows)


@members.command("add")
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.MEMBER,
    as_json: Json = False,
) -> None:
    """Add a member, change their role, or let them in again."""
    with open_desk() as (desk, who):
        member = desk.put_member(who, name, role)
    if as_json:
        terminal.show_json({"member": _member(member)})
    else:
        terminal.show(
            f"{terminal.line(name)} is a {role} now. `tieout sign-in --member {terminal.line(name)}` lets them in."
        )


@members.command("remove")
def remove(name: Name, as_json: Json = False) -> None:
    """Keep a member out: their sessions and tokens end at once; what they did keeps their name."""
    from tieout.errors import NotFound

    with open_desk() as (desk, who):
        found = next((one for one in desk.members(who) if one.name == name), None)
        if found is None:
            raise NotFound(f"There is no member {name!r}; `tieout members list` shows them.")
        member = desk.put_member(who, name, found.role, active=False)
    if as_json:
        terminal.show_json({"member": _member(member)})
    else:
        terminal.show(f"{terminal.line(name)} gets in by nothing any more.")


@tokens.command("create")
def create(
    label: Annotated[str, typer.Argument(metavar="LABEL", help="What it is for.")],
    role: Annotated[Role | None, typer.Option(help="The most that it may do (default: your role).")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it lives.")] = 90,
    as_json: Json = False,
) -> None:
    """Make a token of your own and print it: nobody can read it again."""
    with open_desk() as (desk, who):
        token, secret = desk.create_token(who, label, role=role, days=days)
    if as_json:
        terminal.show_json({"token": _token(token), "secret": secret.get_secret_value()})
        return
    terminal.show(secret.get_secret_value())
    terminal.say(f"It expires on {token.expires_at:%-d %B %Y}; `tieout tokens revoke {token.id}` ends it before.")


@tokens.command("list")
def list_tokens(as_json: Json = False) -> None:
    """List tokens: yours, and as an admin those of all members."""
    with open_desk() as (desk, who):
        found = desk.tokens(who)
    if as_json:
        terminal.show_json({"tokens": [_token(one) for one in found]})
        return
    rows = [(one.id, one.label, one.member, one.role, _state(one), _used(one)) for one in found]
    terminal.show_table(("Token", "For", "Of", "Role", "State", "Last used"), rows)


@tokens.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, as `tokens list` shows it.")],
    as_json: Json = False,
) -> None:
    """End a token at once."""
    with open_desk() as (desk, who):
        desk.revoke_token(who, token_id)
    if as_json:
        terminal.show_json({"revoked": token_id})
    else:
        terminal.show(f"{terminal.line(token_id)} is revoked.")


def _member(one: Member) -> dict[str, object]:
    return {"name": one.name, "role": one.role.value, "active": one.active, "added_by": one.added_by}


def _token(one: Grant) -> dict[str, object]:
    about = {"id": one.id, "label": one.label, "member": one.member, "role": one.role.value, "state": _state(one)}
    return {**about, "expires_at": one.expires_at.isoformat()}


def _state(one: Grant) -> str:
    from datetime import UTC, datetime

    if one.revoked_at is not None:
        return "revoked"
    return "alive" if one.expires_at > datetime.now(UTC) else "expired"


def _used(one: Grant) -> str:
    return f"{one.used_at:%Y-%m-%d %H:%M} UTC" if one.used_at else "never"
