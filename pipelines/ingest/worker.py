"""Reads files in a process of its own (`python -m pipelines.ingest.worker`): a file that crashes it harms nobody.

Standard input carries a JSON line `{"name", "size"}` and that many bytes, again and again; standard output
answers each with a JSON line: `{"parsed": …}` or `{"refused": reason}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, BinaryIO

from pipelines.ingest.parsed import parse, to_json
from tieout.errors import RefusedFile

MOST_MEMORY = 4 * 1024**3  # bytes; the largest file that is read has 0.5 GB


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until their end."""
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["size"])
        if len(data) != request["size"]:
            return
        try:
            answer: dict[str, Any] = {"parsed": to_json(parse(request["name"], data))}
        except RefusedFile as refusal:
            answer = {"refused": refusal.message}
        except (RecursionError, MemoryError) as error:
            answer = {"refused": f"the file is too deep or too large to read ({type(error).__name__})"}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def limit_memory(most: int = MOST_MEMORY) -> None:
    """Refuse this process more than `most` bytes of address space, where the system has such a limit."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS knows the limit but does not take it
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def main() -> None:
    """Serve on the process's own pipes; whatever a library prints goes to standard error."""
    limit_memory()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
