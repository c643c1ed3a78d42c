"""Tells what is known of this machine and its processes, so that a process that is gone can be told by its name."""

from __future__ import annotations

import os
import subprocess
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from socket import gethostname
from typing import Self


@cache
def boot_id() -> str:
    """Return what differs after each start of the machine, empty when the system does not tell."""
    linux = _text("/proc/sys/kernel/random/boot_id")
    if linux:
        return linux
    try:  # macOS
        done = subprocess.run(
            ["sysctl", "-n", "kern.bootsessionuuid"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@cache
def machine_id() -> str:
    """Return what stays the same for this machine (a container counts as one)."""
    return f"{gethostname()} {_text('/etc/machine-id')}".strip()


@cache
def pid_space() -> str:
    """Return what tells process numbers of one container from those of another, empty where there are none."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


@cache
def tieout_version() -> str:
    """Return the installed version, empty when tieout runs from a folder that was never installed."""
    try:
        return version("tieout")
    except PackageNotFoundError:
        return ""


def process_exists(pid: int) -> bool:
    """Return whether this machine has a process of that number; another user's counts."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # it is somebody else's, or nobody knows
    return True


@dataclass(frozen=True)
class ProcessMark:
    """Where and when a process lives: enough to say later, on the same machine, that it cannot be alive any more."""

    machine: str
    boot: str
    pid: int
    space: str

    @classmethod
    def of_this_process(cls) -> Self:
        """Return this process's mark."""
        return cls(machine_id(), boot_id(), os.getpid(), pid_space())

    @classmethod
    def from_object(cls, value: object) -> Self | None:
        """Return the mark that `as_object` wrote, None for anything else."""
        if not isinstance(value, dict):
            return None
        try:
            return cls(str(value["machine"]), str(value["boot"]), int(value["pid"]), str(value["space"]))
        except (KeyError, TypeError, ValueError):
            return None

    def as_object(self) -> dict[str, str | int]:
        """Return the mark as JSON values."""
        return asdict(self)

    def certainly_dead(self) -> bool:
        """Return True when the machine was started anew since, or has no such process. Else nobody knows."""
        if self.machine != machine_id():
            return False
        if self.boot and boot_id() and self.boot != boot_id():
            return True
        return self.boot == boot_id() and self.space == pid_space() and not process_exists(self.pid)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
