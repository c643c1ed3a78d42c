"""Reads many files at once in worker processes, a few ahead of whoever takes the results."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from pipelines.ingest.pages import RawFile
from pipelines.ingest.parsed import ParsedFile, from_json, parse
from tieout.errors import NotAvailable, RefusedFile

_ROOT = Path(__file__).parents[2]
TIMEOUT_S = 300.0


# What a reader needs of the environment; keys and passwords of the service are none of its business.
_KEPT = frozenset(
    {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
)


def read_apart(name: str, data: bytes, *, timeout_s: float = TIMEOUT_S) -> RawFile:
    """Read one file in a process of its own, so that no file can end this one or hold it up.

    Raises RefusedFile as `read_bytes` does, and when the file crashes its reader or takes too long.
    """
    with ReaderPool(1, timeout_s=timeout_s) as pool:
        found = pool.read(name, data)
    if isinstance(found, RefusedFile):
        raise found
    return found.file


class ReaderPool:
    """Worker processes that read files; started when first needed, ended by `close` or the end of `with`.

    With `workers` 0 files are read in this process, which a hostile PDF could then crash.
    """

    def __init__(self, workers: int, *, timeout_s: float = TIMEOUT_S) -> None:
        self._workers = workers
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(max(1, workers), thread_name_prefix="reader")
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._started: list[_Worker] = []
        self._lock = threading.Lock()

    def __enter__(self) -> ReaderPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read_all[T](self, files: Iterable[tuple[T, str, bytes]]) -> Iterator[tuple[T, ParsedFile | RefusedFile]]:
        """Yield (key, parsed or refusal) for each (key, name, bytes), in the order given."""
        waiting: deque[tuple[T, Future[ParsedFile | RefusedFile]]] = deque()
        for key, name, data in files:
            waiting.append((key, self._threads.submit(self._read, name, data)))
            if len(waiting) > max(1, self._workers) + 1:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()

    def read(self, name: str, data: bytes) -> ParsedFile | RefusedFile:
        """Read one file and wait for it."""
        return self._threads.submit(self._read, name, data).result()

    def close(self) -> None:
        """End the processes."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            for worker in self._started:
                worker.end()
            self._started.clear()

    def _read(self, name: str, data: bytes) -> ParsedFile | RefusedFile:
        try:
            if self._workers == 0:
                return parse(name, data)
            worker = self._take()
            try:
                return worker.read(name, data)
            finally:
                self._idle.put(worker)
        except RefusedFile as refusal:
            return refusal

    def _take(self) -> _Worker:
        if self._idle.empty():
            worker = _Worker(self._timeout_s)
            with self._lock:
                self._started.append(worker)
            return worker
        return self._idle.get()


class _Worker:
    """One reading process; it is started again after it died over a file."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, name: str, data: bytes) -> ParsedFile:
        """Read one file. Raises RefusedFile, also when the file kills the process or takes too long."""
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._timeout_s, stop)
        timer.start()
        try:
            process.stdin.write(json.dumps({"name": name, "size": len(data)}).encode() + b"\n" + data)
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = b""
        finally:
            timer.cancel()
        if not line.endswith(b"\n"):
            self.end()
            why = f"took longer than {self._timeout_s:g} s to read" if late.is_set() else "makes the reader crash"
            raise RefusedFile(f"the file {why}; get a fresh copy or print it to a new PDF")
        answer = json.loads(line)
        if "refused" in answer:
            raise RefusedFile(answer["refused"])
        return from_json(answer["parsed"])

    def end(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            paths = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
            try:
                # -P keeps the user's working folder, which may hold a `pipelines` of its own, off the path.
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "pipelines.ingest.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=_environment() | {"PYTHONPATH": paths},
                )
            except OSError as error:
                raise NotAvailable(f"no process to read files in could be started: {error}") from error
        return self._process


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key.upper() in _KEPT or key.startswith("LC_")}
