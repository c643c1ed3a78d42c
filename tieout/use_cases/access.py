"""The use cases of access: who belongs to a workspace, and the tokens, links and sessions that let them in.

A secret is 32 random bytes; only its SHA-256 is kept. So neither a look at the database nor a backup lets anybody in,
and finding one by its hash tells an attacker's clock nothing about it.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta

import structlog
from pydantic import SecretStr

from tieout.errors import Conflict, InvalidInput, NotAvailable, NotFound, PermissionDenied
from tieout.model import Grant, GrantKind, Member, Principal, Role, new_id
from tieout.ports import AccessStore
from tieout.use_cases.common import RANK, UseCases, require, valid_text

LINK_MINUTES = 15
SESSION_DAYS = 14
MOST_DAYS = 366
_LONGEST = 128  # characters of a name or label
_BEGINNINGS = {GrantKind.TOKEN: "tieout_", GrantKind.LINK: "", GrantKind.SESSION: ""}
_NOTED_EVERY = timedelta(minutes=1)
_log = structlog.get_logger(__name__)


class AccessUseCases(UseCases):
    """Members are for admins; each member makes and ends their own tokens. A secret is shown once and never logged."""

    # ------------------------------------------------------------ members

    def members(self, principal: Principal) -> list[Member]:
        """Return the workspace's members. Raises PermissionDenied, NotAvailable."""
        require(principal, Role.ADMIN, "see the members")
        return self._access().members(principal)

    def put_member(self, principal: Principal, name: str, role: Role, *, active: bool = True) -> Member:
        """Add a member, or change their role; one who is not active gets in by nothing from now on.

        Raises PermissionDenied, InvalidInput, Conflict (nobody would be left who may do this).
        """
        require(principal, Role.ADMIN, "change members")
        access, now = self._access(), self.clock()
        member = Member(principal.workspace, _name(name, "A member's name"), role, active, principal.id, now)
        admins = [one.name for one in access.members(principal) if one.active and one.role is Role.ADMIN]
        if admins == [member.name] and not (active and role is Role.ADMIN):
            raise Conflict(f"{name} is the last admin of workspace {principal.workspace}: make another one first.")
        access.put_member(member)
        ended = 0 if active else access.revoke_all(principal, member.name, now=now)
        _log.info("member_put", name=name, role=role.value, active=active, by=principal.id, grants_ended=ended)
        return access.member(principal.workspace, member.name) or member

    # ------------------------------------------------------------ tokens

    def create_token(
        self, principal: Principal, label: str, *, role: Role | None = None, days: int = 90
    ) -> tuple[Grant, SecretStr]:
        """Return a new token of the principal's own, and its secret, which nobody can read again.

        `role` is the most that it may do, the principal's own unless given. Raises InvalidInput, PermissionDenied (more
        than the principal may), NotFound (the principal is no member).
        """
        if not 1 <= days <= MOST_DAYS:
            raise InvalidInput(f"A token lives 1 to {MOST_DAYS} days, not {days}.")
        self._member(principal)
        return self._granted(principal, GrantKind.TOKEN, _name(label, "A token's label"), role, timedelta(days=days))

    def tokens(self, principal: Principal) -> list[Grant]:
        """Return the principal's tokens; for an admin those of all members."""
        own = None if principal.role is Role.ADMIN else principal.id
        return self._access().grants(principal, GrantKind.TOKEN, member=own)

    def revoke_token(self, principal: Principal, token_id: str) -> None:
        """End a token at once. Raises NotFound: none of one's own, or for an admin of the workspace, is alive."""
        found = [one for one in self.tokens(principal) if one.id == token_id]
        if not found or not self._access().revoke(principal, token_id, now=self.clock()):
            raise NotFound(f"There is no token {token_id!r} to revoke; `tieout tokens list` shows them.")
        _log.info("token_revoked", id=token_id, member=found[0].member, by=principal.id)

    # ------------------------------------------------------------ browsers

    def sign_in_link(self, principal: Principal, *, member: str | None = None) -> SecretStr:
        """Return the secret of a link that signs a member in, once, within a quarter of an hour.

        For somebody else one must be admin. Raises PermissionDenied, NotFound (no such member, or not active).
        """
        if member is not None and member != principal.id:
            require(principal, Role.ADMIN, "let others in")
        who = replace(principal, id=member) if member is not None else principal
        if who.role is Role.ADMIN and not self._access().members(principal):  # somebody has to be the first
            self.put_member(principal, who.id, Role.ADMIN)
        role = self._member(who).role
        who = replace(who, role=role)
        return self._granted(who, GrantKind.LINK, "sign-in", role, timedelta(minutes=LINK_MINUTES))[1]

    def link_owner(self, secret: SecretStr) -> Principal | None:
        """Return whom a link would sign in, None when it would not. Uses nothing up."""
        return self._holder(secret, GrantKind.LINK)

    def sign_in(self, secret: SecretStr) -> tuple[Principal, SecretStr]:
        """Make a session of a link, once; return who it is and the session's secret. Raises PermissionDenied."""
        who, found = self._holder(secret, GrantKind.LINK), self._find(secret, GrantKind.LINK)
        if who is None or found is None or not self._access().spend(found.id, now=self.clock()):
            raise PermissionDenied(
                "This link was used, has expired or was never made. `tieout sign-in` prints a new one."
            )
        _, session = self._granted(who, GrantKind.SESSION, "browser", who.role, timedelta(days=SESSION_DAYS))
        _log.info("signed_in", member=who.id, workspace=who.workspace)
        return who, session

    def sign_out(self, secret: SecretStr) -> None:
        """End a session; what is none is no error."""
        found = self._find(secret, GrantKind.SESSION)
        if found is not None:
            self._access().revoke(Principal(found.member, found.workspace), found.id, now=self.clock())

    def authenticate(self, secret: SecretStr, kind: GrantKind) -> Principal | None:
        """Return whom a secret lets in, with the lesser of its role and the member's; None when it lets nobody in."""
        who = self._holder(secret, kind)
        if who is not None and kind is not GrantKind.LINK:
            found = self._find(secret, kind)
            now = self.clock()
            if found is not None and (found.used_at is None or now - found.used_at > _NOTED_EVERY):
                self._access().note_use(found.id, now=now)
        return who

    # ------------------------------------------------------------ within

    def _holder(self, secret: SecretStr, kind: GrantKind) -> Principal | None:
        found = self._find(secret, kind)
        if found is None or found.revoked_at is not None or found.expires_at <= self.clock():
            return None
        if kind is GrantKind.LINK and found.used_at is not None:
            return None
        member = self._access().member(found.workspace, found.member)
        if member is None or not member.active:
            return None
        return Principal(member.name, member.workspace, min(found.role, member.role, key=RANK.__getitem__))

    def _find(self, secret: SecretStr, kind: GrantKind) -> Grant | None:
        if self.access_store is None:  # nobody is let in
            return None
        found = self.access_store.grant(_digest(secret))
        return found if found is not None and found.kind is kind else None

    def _granted(
        self, principal: Principal, kind: GrantKind, label: str, role: Role | None, lives: timedelta
    ) -> tuple[Grant, SecretStr]:
        role = role or principal.role
        if RANK[role] > RANK[principal.role]:
            raise PermissionDenied(f"{principal.id} is a {principal.role} and cannot give away the role {role}.")
        secret = SecretStr(_BEGINNINGS[kind] + secrets.token_urlsafe(32))
        now = self.clock()
        grant = Grant(new_id("grant"), kind, principal.workspace, principal.id, role, label, now, now + lives)
        self._access().add_grant(grant, _digest(secret))
        return grant, secret

    def _member(self, principal: Principal) -> Member:
        found = self._access().member(principal.workspace, principal.id)
        if found is None or not found.active:
            raise NotFound(
                f"{principal.id} is no member of workspace {principal.workspace}; an admin adds one by "
                f"`tieout members add {principal.id}`."
            )
        return found

    def _access(self) -> AccessStore:
        if self.access_store is None:
            raise NotAvailable("This desk keeps no members.")
        return self.access_store


def _digest(secret: SecretStr) -> str:
    return hashlib.sha256(secret.get_secret_value().encode("utf-8", "replace")).hexdigest()


def _name(text: str, what: str) -> str:
    text = valid_text(text, what).strip()
    if not (0 < len(text) <= _LONGEST and text.isprintable() and text[0].isalnum()):
        raise InvalidInput(
            f"{what} has 1 to {_LONGEST} printable characters and begins with a letter or digit: not {text!r:.80}."
        )
    return text
