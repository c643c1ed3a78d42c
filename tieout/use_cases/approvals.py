"""The use cases of what runs wait for: seeing it, deciding it as a person, and telling a run what happened outside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tieout.delivery import EFFECT_DECISIONS
from tieout.errors import Conflict, InvalidInput, NeedsAnswer, NotFound
from tieout.model import OpenWait, Principal, Role, WaitKind, WaitState
from tieout.use_cases.common import UseCases, require, valid_text

APPROVED, REFUSED = "approved", "refused"
DECISIONS: Mapping[WaitKind, tuple[str, ...]] = {
    WaitKind.APPROVAL: (APPROVED, REFUSED),
    WaitKind.EFFECT: EFFECT_DECISIONS,
}
MAX_WAITS = 1_000
MAX_REASON = 2_000  # characters
MAX_PAYLOAD = 100_000  # characters of JSON
_MOST_OF_RUN = 20_000  # waits of one run, those that have ended included
_SHORT_SHA256 = re.compile(r"[0-9a-f]{12,63}")
_ENDS_BY = {
    WaitKind.TIMER: "it ends when its time has come; cancel its step to go on without it",
    WaitKind.RUN: "it ends with the run that it waits for; cancel that one to go on without it",
    WaitKind.EVENT: "it ends when somebody outside signals its name: `tieout runs signal`",
}


class ApprovalUseCases(UseCases):
    """What runs of a workspace wait for: viewers read, members also decide and signal."""

    def waits(self, principal: Principal, *, run_id: str | None = None) -> list[OpenWait]:
        """Return the open waits of the workspace (at most 1,000), or all waits of one run, the oldest first.

        Raises NotFound (run).
        """
        return self.store.waits(principal, run_id=run_id, limit=MAX_WAITS if run_id is None else _MOST_OF_RUN)

    def decide(
        self,
        principal: Principal,
        run_id: str,
        name: str,
        decision: str,
        *,
        draft_sha256: str | None = None,
        reason: str = "",
    ) -> OpenWait:
        """End an open wait with a person's decision and wake the engine; the run's events tell who decided what.

        `name` is the wait's name, a unique beginning of it, or its token; `draft_sha256`, which an approval needs, may
        be cut to 12 digits or more. Raises InvalidInput, NotFound, NeedsAnswer, PermissionDenied, Conflict.
        """
        require(principal, Role.MEMBER, "decide what a run waits for")
        reason = valid_text(reason.strip(), "The reason")
        if len(reason) > MAX_REASON:
            raise InvalidInput(f"The reason has {len(reason)} characters; at most {MAX_REASON} are kept.")
        run = self.store.get_run(principal, run_id)
        there = self.store.waits(principal, run_id=run.id, limit=_MOST_OF_RUN)
        wait = find_wait(there, name, run.id)
        check_decision(wait, decision)
        draft = _whole_hash(draft_sha256, wait)
        _check_meant(wait, there, draft, by_token=name == wait.token)
        ended, _ = self.store.decide_wait(
            principal,
            run.id,
            wait.name,
            decision,
            draft_sha256=draft,
            payload={"reason": reason} if reason else {},
            now=self.clock(),
        )
        self.engine.wake()
        return ended

    def signal(self, principal: Principal, run_id: str, name: str, payload: Mapping[str, Any]) -> bool:
        """Tell a run that something happened outside, once per name; one that comes early is kept for its step.

        Returns whether it was the first of that name. Raises InvalidInput, NotFound.
        """
        require(principal, Role.MEMBER, "signal runs")
        _check_payload(payload)
        first, opened = self.store.signal_run(principal, run_id, name, payload, now=self.clock())
        if opened:
            self.engine.wake()
        return first


def find_wait(waits: Sequence[OpenWait], reference: str, run_id: str) -> OpenWait:
    """Return the wait that a name, a token or the beginning of a name stands for; open ones come first.

    Raises NotFound, and NeedsAnswer when waits of several names fit.
    """
    ranked = sorted(waits, key=lambda wait: (wait.state is not WaitState.OPEN, wait.kind not in DECISIONS))
    for wait in ranked:
        if reference in (wait.token, wait.name):
            return wait
    for open_only in (True, False):
        fitting = [
            wait
            for wait in ranked
            if wait.name.startswith(reference) and (wait.state is WaitState.OPEN or not open_only)
        ]
        names = sorted({wait.name for wait in fitting})
        if reference and len(names) == 1:
            return fitting[0]
        if reference and names:
            raise NeedsAnswer(f"{run_id} waits for several things that begin so; which one? {_listed(names)}")
    still = sorted({wait.name for wait in waits if wait.state is WaitState.OPEN})
    raise NotFound(f"{run_id} does not wait for {reference!r}; it waits for: {_listed(still) or 'nothing'}.")


def check_decision(wait: OpenWait, decision: str) -> None:
    """Raise InvalidInput when no person decides such a wait, or not so."""
    if wait.kind not in DECISIONS:
        raise InvalidInput(f"{wait.name!r} ({wait.kind}) is not for a person to decide: {_ENDS_BY[wait.kind]}.")
    if decision not in DECISIONS[wait.kind]:
        known = ", ".join(DECISIONS[wait.kind])
        raise InvalidInput(f"{wait.name!r} ({wait.kind}) cannot be decided as {decision!r}; the decisions are {known}.")


def _check_meant(wait: OpenWait, there: Sequence[OpenWait], draft: str | None, *, by_token: bool) -> None:
    """Refuse when the decision might end another wait: several steps of a run may wait under one name."""
    others = [one for one in there if one.name == wait.name and one.state is WaitState.OPEN and one.token != wait.token]
    if by_token and others and wait.state is not WaitState.OPEN:
        raise Conflict(f"{wait.token} was {wait.decision or wait.state} before; a wait is decided once.")
    for other in others:
        if other.kind != wait.kind or (by_token and draft is not None and other.draft_sha256 == draft):
            raise Conflict(
                f"Step {other.step!r} of {wait.run_id} waits under the name {wait.name!r}, too ({other.kind}); "
                "decide that one by its name, or cancel its step, first."
            )


def _whole_hash(given: str | None, wait: OpenWait) -> str | None:
    """Return the draft's whole hash when the beginning of it is given: 12 digits are not hit upon by chance."""
    if given and wait.draft_sha256 and _SHORT_SHA256.fullmatch(given) and wait.draft_sha256.startswith(given):
        return wait.draft_sha256
    return given


def _check_payload(payload: Mapping[str, Any]) -> None:
    try:
        text = json.dumps(dict(payload), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"The data of an outside event must be a JSON object: {error}.") from error
    if len(text) > MAX_PAYLOAD:
        raise InvalidInput(f"The data has {len(text)} characters of JSON; at most {MAX_PAYLOAD} are kept.")


def _listed(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
