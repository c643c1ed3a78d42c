"""The run store's part about waits: listing, deciding, signalling, and the ends of sub-runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from store import rules, waiting
from store.database import Database
from store.records import find, of_open_run
from store.rows import wait_of
from store.tables import is_in, runs, waits
from tieout.model import OpenWait, Principal, ReadyStep, WaitState

_LONGEST_DECISION = 40


class WaitRecords:
    """Waits in SQL. Each method is one transaction; `end_sub_runs` is one for each sub-run."""

    _database: Database

    def waits(self, principal: Principal, *, run_id: str | None = None, limit: int = 100) -> list[OpenWait]:
        """Return the open waits of the workspace, or all waits of one run, the oldest first. Raises NotFound."""

        def work(connection: Connection) -> list[OpenWait]:
            query = select(waits).where(waits.c.workspace == principal.workspace)
            if run_id is None:
                query = query.where(is_in(waits.c.state, WaitState.OPEN), *of_open_run(principal, waits.c.run_id))
            else:
                query = query.where(waits.c.run_id == find(connection, principal, run_id, runs.c.id).id)
            rows = connection.execute(query.order_by(waits.c.asked_at, waits.c.token).limit(limit))
            return [wait_of(row) for row in rows]

        return self._database.read(work)

    def decide_wait(
        self,
        principal: Principal,
        run_id: str,
        name: str,
        decision: str,
        *,
        draft_sha256: str | None = None,
        payload: Mapping[str, Any] | None = None,
        now: datetime,
    ) -> tuple[OpenWait, list[ReadyStep]]:
        """End an open wait with a person's decision. Raises InvalidInput, NotFound, PermissionDenied, Conflict."""
        rules.check_name(name, "the name of a wait")
        rules.check_name(decision, "a decision", _LONGEST_DECISION)

        def work(connection: Connection) -> tuple[OpenWait | None, list[ReadyStep], Exception | None]:
            found = find(connection, principal, run_id, runs.c.id).id
            return waiting.decide(connection, principal, found, name, decision, draft_sha256, payload or {}, now)

        ended, opened, refusal = self._database.write(work)
        if refusal is not None:
            raise refusal
        assert ended is not None
        return ended, opened

    def signal_run(
        self, principal: Principal, run_id: str, name: str, payload: Mapping[str, Any], *, now: datetime
    ) -> tuple[bool, list[ReadyStep]]:
        """Deliver an outside event; one that comes before its step waits is kept for it.

        Raises InvalidInput, NotFound.
        """
        rules.check_name(name, "the name of an outside event")

        def work(connection: Connection) -> tuple[bool, list[ReadyStep]]:
            found = find(connection, principal, run_id, runs.c.id).id
            return waiting.signal(connection, principal, found, name, payload, now)

        return self._database.write(work)

    def end_sub_runs(self, *, now: datetime) -> list[ReadyStep]:
        """Wake the steps whose sub-runs are final; return those that became ready."""
        opened: list[ReadyStep] = []
        for row in self._database.read(waiting.ended_sub_runs):
            opened += self._end_sub_run(row.token, row.run_id, row.child_run, now)
        return opened

    def _end_sub_run(self, token: str, run_id: str, child: str, now: datetime) -> list[ReadyStep]:
        return self._database.write(lambda connection: waiting.end_sub_run(connection, token, run_id, child, now))
