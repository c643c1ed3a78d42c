"""Brings what a run waits for to where it was asked for: as if its asker had called `approve` there, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bots.inbound import Inbound, InboundKind
from tieout.model import Event


def call_for(inbound: Inbound, progress: Mapping[str, Any], event: Event) -> Inbound:
    """Return the call that shows the decision of an `approval_asked` event of the run that `inbound` began.

    It is shown beside the `progress` message, and has the same key however often it is made.
    """
    channel = str(progress.get("channel") or inbound.place.channel)
    here = channel in (inbound.place.channel, inbound.place.thread)
    place = inbound.place if here else replace(inbound.place, channel=channel, thread="", direct=True)
    if not (place.thread or place.direct) and inbound.kind is InboundKind.MESSAGE:
        place = replace(place, thread=inbound.message)
    return Inbound(
        f"{place.platform}/approval/{event.run_id}/{event.seq}",
        InboundKind.COMMAND,
        place,
        inbound.author,
        event.at,
        command="approve",
        arguments={"run": event.run_id, "name": str(event.data.get("name", ""))},
    )
