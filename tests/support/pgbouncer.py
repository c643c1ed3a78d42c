"""Starts a PgBouncer of one's own in front of a PostgreSQL, in the mode that shares sessions between clients."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Any

from tests.support.servers import Server, unprivileged_account


class PgBouncer(Server):
    """A pooler with transaction pooling: each transaction may run in another of its few sessions."""

    def __init__(self, database_url: str) -> None:
        """`database_url`: `postgresql://USER@HOST:PORT/NAME` of a server that trusts the user."""
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        assert program, "pgbouncer is not installed: run `make services`"
        super().__init__("pgbouncer")
        self._program = program
        address, self._name = database_url.removeprefix("postgresql://").rsplit("/", 1)
        self._user, place = address.split("@")
        host, port = place.split(":")
        self._account = unprivileged_account()  # it refuses to run as root
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": 4,
            "server_tls_sslmode": "disable",
        }
        lines = ["[databases]", f"{self._name} = host={host} port={port} dbname={self._name} user={self._user}"]
        lines += ["[pgbouncer]", *(f"{name} = {value}" for name, value in settings.items())]
        self._file.write_text("\n".join(lines) + "\n")
        self.folder.chmod(0o755)

    @property
    def url(self) -> str:
        """`postgresql://…` of the database, through the pooler."""
        return f"postgresql://{self._user}@127.0.0.1:{self.port}/{self._name}"

    def command(self) -> list[str]:
        return [self._program, str(self._file)]

    def answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def surroundings(self) -> dict[str, Any]:
        return {"cwd": self.folder, **self._account}

    @property
    def _file(self) -> Path:
        return self.folder / "pgbouncer.ini"
