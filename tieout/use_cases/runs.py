"""The use cases of runs: starting, following and ending them, and what they leave behind."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tieout.errors import InvalidInput, NotFound, StorageFull
from tieout.files import safe_name, write_atomically
from tieout.model import Artifact, Event, Principal, Role, Run, RunRequest, RunState, Step
from tieout.use_cases.common import UseCases, require
from tieout.use_cases.requests import checked_request


class RunUseCases(UseCases):
    """Runs of a workspace: viewers read, members also start, cancel and resume."""

    def start_run(self, principal: Principal, request: RunRequest) -> Run:
        """Plan and commit a run, and wake the engine.

        Raises InvalidInput, UnknownInstrument, NeedsAnswer, NotFound (agent), Conflict (a reused key).
        """
        require(principal, Role.MEMBER, "start runs")
        request = checked_request(self.parts, principal, request, now=self.clock())
        request = replace(request, audience=principal.audience)
        agent = self.agents.get(request.agent)
        run = self.store.create_run(principal, request, agent.plan(request), now=self.clock())
        self.engine.wake()
        return run

    def run(self, principal: Principal, run_id: str) -> Run:
        """Return a run by id or unique prefix, of those that all who read along may read. Raises NotFound."""
        return self.store.get_run(principal, run_id)

    def runs(self, principal: Principal, *, limit: int = 50, states: Sequence[RunState] = ()) -> list[Run]:
        """Return the runs, newest first, that all who read what the principal is answered may read."""
        if not 1 <= limit <= 1000:
            raise InvalidInput(f"The number of runs must be from 1 to 1000, not {limit}.")
        return self.store.list_runs(principal, limit=limit, states=states)

    def steps(self, principal: Principal, run_id: str) -> list[Step]:
        """Return the run's steps in plan order."""
        return self.store.steps(principal, self.run(principal, run_id).id)

    def events(self, principal: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with seq > after, in order."""
        return self.store.events(principal, self.run(principal, run_id).id, after=after, limit=limit)

    def follow(self, principal: Principal, run_id: str, *, after: int = 0) -> Iterator[Event]:
        """Yield each event once, in order, as it happens; end when the run is final and all are told."""
        run_id = self.run(principal, run_id).id
        seen = self.changes.wait(-1, 0)
        while True:
            # The state is read before the events: a final state is committed with its last event.
            final = self.store.get_run(principal, run_id).state.final
            events = self.store.events(principal, run_id, after=after)
            for event in events:
                after = event.seq
                yield event
            if events:
                continue
            if final:
                return
            self._check_disk()
            seen = self.changes.wait(seen, self.changes.poll_s, run_id)

    def wait(self, principal: Principal, run_id: str, *, timeout_s: float | None = None) -> Run:
        """Return the run when it is final, or as it stands after `timeout_s` seconds."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        poll_s = self.changes.poll_s
        seen = self.changes.wait(-1, 0)
        while True:
            run = self.store.get_run(principal, run_id)
            left = poll_s if deadline is None else min(poll_s, deadline - time.monotonic())
            if run.state.final or left <= 0:
                return run
            self._check_disk()
            seen = self.changes.wait(seen, left, run.id)

    def cancel(self, principal: Principal, run_id: str) -> Run:
        """Cancel what has not finished; a final run is returned unchanged."""
        require(principal, Role.MEMBER, "cancel runs")
        return self.store.cancel_run(principal, self.run(principal, run_id).id, now=self.clock())

    def resume(self, principal: Principal, run_id: str) -> Run:
        """Make dead and stranded steps ready again and wake the engine; finished steps are kept."""
        require(principal, Role.MEMBER, "resume runs")
        run = self.store.resume_run(principal, self.run(principal, run_id).id, now=self.clock())
        self.engine.wake()
        return run

    def result(self, principal: Principal, run_id: str) -> Mapping[str, Any]:
        """Return the research result as JSON values, in any state of the run."""
        run = self.run(principal, run_id)
        shown = self.render_result(principal, run, self.store.artifacts(principal, run.id))
        return {**shown, "url": f"{self.public_url}/runs/{run.id}"} if self.public_url else shown

    def artifacts(self, principal: Principal, run_id: str) -> list[Artifact]:
        """Return the run's artifacts by name."""
        return self.store.artifacts(principal, self.run(principal, run_id).id)

    def artifact_bytes(self, principal: Principal, run_id: str, name: str) -> bytes:
        """Return an artifact's bytes. Raises NotFound naming those there are."""
        return self.parts.blobs.get(principal, find_artifact(self.artifacts(principal, run_id), name).sha256)

    def export_artifacts(self, principal: Principal, run_id: str, folder: Path | None = None) -> list[Path]:
        """Write the run's artifacts into a folder (default: `reports/<run id>` in the data folder), each atomically."""
        run = self.run(principal, run_id)
        folder = folder or self.reports / run.id
        written = []
        for artifact in self.store.artifacts(principal, run.id):
            path = folder / safe_name(artifact.name)
            write_atomically(path, self.parts.blobs.get(principal, artifact.sha256))
            written.append(path)
        return written

    def _check_disk(self) -> None:
        """Raise the engine's StorageFull: nobody should wait for a run that cannot go on."""
        if isinstance(self.engine.trouble, StorageFull):
            raise self.engine.trouble


def find_artifact(artifacts: Sequence[Artifact], name: str) -> Artifact:
    """Return the artifact of that name. Raises NotFound naming those there are."""
    for artifact in artifacts:
        if artifact.name == name:
            return artifact
    there = ", ".join(artifact.name for artifact in artifacts) or "none yet"
    raise NotFound(f"The run has no artifact {name!r}; it has: {there}.")
