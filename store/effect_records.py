"""The run store's part about effects: intent before, outcome after, and those of which nobody knows the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from store import effects
from store.database import Database
from store.depths import unknown
from store.tables import effects as effect_table
from tieout.model import Principal, Usage
from tieout.ports import NO_LIMIT, NO_USAGE, Budget, Claimed, Effect


class EffectRecords:
    """Effects in SQL. Each method is one transaction."""

    _database: Database

    def begin_effect(
        self,
        claimed: Claimed,
        key: str,
        kind: str,
        intent: Mapping[str, Any],
        *,
        now: datetime,
        estimate: Usage = NO_USAGE,
        budget: Budget = NO_LIMIT,
        max_attempts: int = 1,
    ) -> Effect:
        """Commit the intent and charge the estimate. Raises BudgetExceeded, StaleFence, Conflict (reused key)."""
        return self._database.write(
            lambda c: effects.begin(c, claimed, key, kind, intent, estimate, budget, max_attempts, now)
        )

    def finish_effect(self, key: str, outcome: Mapping[str, Any], *, now: datetime, usage: Usage = NO_USAGE) -> None:
        """Record the outcome; the first one stays. Raises NotFound."""
        self._database.write(lambda connection: effects.finish(connection, key, outcome, usage, now))

    def withdraw_effect(self, key: str, *, now: datetime, usage: Usage = NO_USAGE) -> None:
        """End the newest attempt without an outcome; with no usage it is not counted. Raises NotFound."""
        self._database.write(lambda connection: effects.withdraw(connection, key, usage, now))

    def unknown_effects(self, principal: Principal, *, limit: int = 100) -> list[Effect]:
        """Return effects of claims that are over without a recorded outcome, oldest first."""
        query = unknown().where(effect_table.c.workspace == principal.workspace)
        query = query.order_by(effect_table.c.begun_at, effect_table.c.key).limit(limit)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return [
            Effect(row.key, row.kind, False, row.attempts, None, row.run_id, row.step, row.begun_at) for row in rows
        ]
