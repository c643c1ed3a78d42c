"""A backup as the schema of revision 0002 made it: one run with a step done, one running and one still blocked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from store.backup.archive import ArchiveWriter

_AT = "2026-01-02T03:04:05.678901+00:00"
_USAGE = {"calls": "int", "tokens_in": "int", "tokens_out": "int", "cost": "decimal"}
SCHEMA: Mapping[str, Mapping[str, str]] = {
    "runs": {
        **dict.fromkeys(("id", "workspace", "principal", "agent", "plan_version"), "text"),
        **dict.fromkeys(("request", "plan", "result"), "json"),
        "state": "text",
        "remaining": "int",
        "event_seq": "int",
        **_USAGE,
        "created_at": "time",
        "updated_at": "time",
    },
    "steps": {
        **dict.fromkeys(("id", "run_id", "workspace", "key", "action", "state", "owner"), "text"),
        **dict.fromkeys(("position", "pending", "attempt", "max_attempts", "fence"), "int"),
        **dict.fromkeys(("input", "output"), "json"),
        "timeout_s": "float",
        "lease_until": "time",
        "ready_at": "time",
        "started_at": "time",
    },
    "events": {"run_id": "text", "seq": "int", "workspace": "text", "kind": "text", "at": "time", "data": "json"},
    "attempts": {
        **dict.fromkeys(("step_id", "owner", "outcome"), "text"),
        "fence": "int",
        "attempt": "int",
        "started_at": "time",
    },
    "step_edges": {"parent_id": "text", "child_id": "text"},
}


def _rows() -> Mapping[str, list[Mapping[str, Any]]]:
    steps = [{"key": "a", "action": "work"}, {"key": "b", "action": "work"}, {"key": "c", "action": "work"}]
    plan = {"agent": "toy", "version": "1", "steps": [{**step, "after": []} for step in steps]}
    common = {"run_id": "run_old", "workspace": "desk", "action": "work", "max_attempts": 3, "timeout_s": 60.5}
    step = {
        **common,
        "input": "{}",
        "output": None,
        "owner": None,
        "lease_until": None,
        "ready_at": _AT,
        "pending": 0,
        "started_at": _AT,
    }
    attempt = {"fence": 1, "attempt": 1, "owner": "gone", "started_at": _AT}
    run = {"id": "run_old", "workspace": "desk", "principal": "ann", "agent": "toy", "plan_version": "1"}
    usage = {"calls": 0, "tokens_in": 0, "tokens_out": 0, "cost": "0.10"}
    return {
        "runs": [
            {
                **run,
                **usage,
                "request": json.dumps({"question": "old?", "agent": "toy"}),
                "plan": json.dumps(plan),
                "result": '{"kept": "as it was"}',
                "state": "running",
                "remaining": 2,
                "event_seq": 2,
                "created_at": _AT,
                "updated_at": _AT,
            }
        ],
        "steps": [
            {
                **step,
                "id": "step_a",
                "key": "a",
                "position": 0,
                "state": "done",
                "attempt": 1,
                "fence": 1,
                "output": "{}",
            },
            {**step, "id": "step_b", "key": "b", "position": 1, "state": "running", "attempt": 1, "fence": 1}
            | {"owner": "gone", "lease_until": _AT},
            {**step, "id": "step_c", "key": "c", "position": 2, "state": "blocked", "attempt": 0, "fence": 0}
            | {"pending": 1, "ready_at": None},
        ],
        "events": [
            {"run_id": "run_old", "seq": seq, "workspace": "desk", "kind": kind, "at": _AT, "data": "{}"}
            for seq, kind in ((1, "run_submitted"), (2, "run_started"))
        ],
        "attempts": [
            {**attempt, "step_id": "step_a", "outcome": "done"},
            {**attempt, "step_id": "step_b", "outcome": None},
        ],
        "step_edges": [{"parent_id": "step_a", "child_id": "step_b"}, {"parent_id": "step_b", "child_id": "step_c"}],
    }


def write_old_backup(path: Path, *, revision: str = "0002", changes: Mapping[str, bytes] | None = None) -> Path:
    """Write it; `changes` replaces members by others, under checksums that fit."""
    rows = _rows()
    schema = [{"table": name, "columns": columns} for name, columns in SCHEMA.items()]
    members = {"sql/schema.json": json.dumps({"tables": schema}).encode()}
    for name, columns in SCHEMA.items():
        lines = [json.dumps([row[column] for column in columns]) + "\n" for row in rows[name]]
        members[f"sql/{name}/000000.ndjson"] = "".join(lines).encode()
    with ArchiveWriter(path) as archive:
        for name, data in {**members, **(changes or {})}.items():
            archive.add(name, data)
        archive.complete(
            {
                "created_at": _AT,
                "version": "0.1.0",
                "revision": revision,
                "profile": "embedded",
                "counts": {name: len(found) for name, found in rows.items()},
            }
        )
    return path
