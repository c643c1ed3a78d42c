"""Keeps members and grants in SQL: of a secret only the hash, by which it is found."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from store.database import Database
from store.records import upsert
from store.rows import AnyRow
from store.tables_access import grants, members
from tieout.model import Grant, GrantKind, Member, Principal, Role

_GRANT = tuple(field.name for field in fields(Grant))


class SqlAccessStore:
    """An `AccessStore` on SQLite or PostgreSQL. Safe for many threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_member(self, member: Member) -> None:
        """Keep a member, in place of the one of that name; when and by whom they were added stays."""
        place = {"workspace": member.workspace, "name": member.name}
        change = {"role": member.role.value, "active": member.active}
        first = {"added_by": member.added_by, "added_at": member.added_at}

        def work(connection: Connection) -> None:
            new = upsert(connection)(members).values(**place, **change, **first)
            connection.execute(new.on_conflict_do_update(index_elements=list(place), set_=change))

        self._database.write(work)

    def member(self, workspace: str, name: str) -> Member | None:
        """Return a member, None when there is none of that name."""
        query = select(members).where(members.c.workspace == workspace, members.c.name == name)
        row = self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _member(row)

    def members(self, principal: Principal) -> list[Member]:
        """Return the workspace's members by name."""
        query = select(members).where(members.c.workspace == principal.workspace)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return sorted(map(_member, rows), key=lambda member: member.name)

    def add_grant(self, grant: Grant, digest: str) -> None:
        """Keep a new grant under the hexadecimal hash of its secret."""
        values = {**asdict(grant), "kind": grant.kind.value, "role": grant.role.value, "digest": digest}
        self._database.write(lambda connection: connection.execute(insert(grants).values(**values)) and None)

    def grant(self, digest: str) -> Grant | None:
        """Return the grant of this hash, whatever its state; None when there is none."""
        query = select(grants).where(grants.c.digest == digest)
        row = self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _grant(row)

    def grants(self, principal: Principal, kind: GrantKind, *, member: str | None = None) -> list[Grant]:
        """Return the workspace's grants of a kind, or those of one member, the newest first."""
        query = select(grants).where(grants.c.workspace == principal.workspace, grants.c.kind == kind.value)
        if member is not None:
            query = query.where(grants.c.member == member)
        query = query.order_by(grants.c.created_at.desc(), grants.c.id.desc())
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return list(map(_grant, rows))

    def spend(self, grant_id: str, *, now: datetime) -> bool:
        """Note the first use; False when it was used before. Of many at once one gets True."""
        unused = update(grants).where(grants.c.id == grant_id, grants.c.used_at.is_(None)).values(used_at=now)
        return self._changed(unused) > 0

    def note_use(self, grant_id: str, *, now: datetime) -> None:
        """Note that it was used now."""
        self._changed(update(grants).where(grants.c.id == grant_id).values(used_at=now))

    def revoke(self, principal: Principal, grant_id: str, *, now: datetime) -> bool:
        """End a grant; False when there is none, or it has been ended before."""
        mine = grants.c.workspace == principal.workspace, grants.c.id == grant_id, grants.c.revoked_at.is_(None)
        return self._changed(update(grants).where(*mine).values(revoked_at=now)) > 0

    def revoke_all(self, principal: Principal, member: str, *, now: datetime) -> int:
        """End all grants of a member; return how many."""
        mine = grants.c.workspace == principal.workspace, grants.c.member == member, grants.c.revoked_at.is_(None)
        return self._changed(update(grants).where(*mine).values(revoked_at=now))

    def forget(self, *, before: datetime) -> int:
        """Drop grants that expired before then; return how many."""
        return self._changed(delete(grants).where(grants.c.expires_at < before))

    def _changed(self, statement: Any) -> int:
        return int(self._database.write(lambda connection: connection.execute(statement).rowcount))


def _member(row: AnyRow) -> Member:
    return Member(row.workspace, row.name, Role(row.role), bool(row.active), row.added_by, row.added_at)


def _grant(row: AnyRow) -> Grant:
    values = {name: getattr(row, name) for name in _GRANT}
    return Grant(**{**values, "kind": GrantKind(row.kind), "role": Role(row.role)})
