"""Who may do what in a channel: what its settings say, and what the workspace says of a person.

A person of a chat is a member of the workspace as long as nobody says otherwise. Who is entered under their name in the
chat (`tieout members add slack:U123 --role viewer`) has the role that was given, and who was removed gets no answer. An
admin's role counts for the channel's settings alone: what others read along is never more than all of them may see.
"""

from __future__ import annotations

from dataclasses import replace

from bots.command import Command
from bots.inbound import Inbound
from tieout.errors import NotAvailable, PermissionDenied
from tieout.model import ChannelSettings, Member, Principal, Role
from tieout.ports import Desk

ALWAYS = frozenset({"settings", "help"})  # how else would it be switched on again?
_RANK = {Role.VIEWER: 0, Role.MEMBER: 1, Role.ADMIN: 2}


def known(desk: Desk, principal: Principal) -> list[Member]:
    """Return the people and services that the workspace has been told of."""
    try:
        return desk.members(Principal("bots", principal.workspace, Role.ADMIN))
    except NotAvailable:  # an installation without members
        return []


def role_of(members: list[Member], principal: Principal) -> Role | None:
    """Return the role that a person was given, None when nobody gave them one. Raises PermissionDenied: kept out."""
    found = next((one for one in members if one.name == principal.id), None)
    if found is not None and not found.active:
        raise PermissionDenied("An admin of the workspace has ended your access; ask them.")
    return found.role if found is not None else None


def check(command: Command, inbound: Inbound, settings: ChannelSettings, role: Role | None) -> None:
    """Raise PermissionDenied unless the person may use the command here."""
    if not settings.enabled and command.name not in ALWAYS:
        raise PermissionDenied("tieout is switched off in this channel; `settings enabled on` switches it on.")
    if command.name in settings.off:
        raise PermissionDenied(f"`{command.name}` is switched off in this channel; `settings` shows what is.")
    if settings.askers and inbound.author not in settings.askers and role is not Role.ADMIN:
        raise PermissionDenied("In this channel only some people may ask me; `settings` shows who.")
    if settings.may_ask == "members" and role is None and command.name not in ALWAYS:
        raise PermissionDenied(
            "In this channel only members of the workspace may ask me. An admin adds you by "
            f"`tieout members add {inbound.place.platform}:{inbound.author}`."
        )
    if _RANK[role or Role.MEMBER] < _RANK[command.role]:
        raise PermissionDenied(f"You are a {role} of the workspace; one must be {command.role} for `{command.name}`.")


def check_may_set(asker: str, settings: ChannelSettings, members: list[Member], role: Role | None) -> None:
    """Raise PermissionDenied unless the person may change the channel's settings.

    Admins may. As long as no person of a chat is one, the channel's askers may, or anyone while it has none.
    """
    if role is Role.ADMIN:
        return
    if any(one.active and one.role is Role.ADMIN and ":" in one.name for one in members):
        raise PermissionDenied("Only admins of the workspace may change this channel's settings.")
    if settings.askers and asker not in settings.askers:
        raise PermissionDenied("Only the people among this channel's askers may change its settings.")


def acting(principal: Principal, role: Role | None) -> Principal:
    """Return the person with what they may do through use cases: a viewer only reads, nobody more than a member."""
    return replace(principal, role=Role.VIEWER) if role is Role.VIEWER else principal
