"""Keeps credentials in SQL, sealed with a key that is not in the database, and so not in a backup either.

A sealed value names its workspace and its name: a row that was moved to another place does not open there.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr
from sqlalchemy import ColumnElement, Connection, and_, delete, select, update

from store.database import Database
from store.records import upsert
from store.rules import check_name
from store.tables_conversations import credentials
from tieout.errors import InvalidInput, NotAvailable
from tieout.files import storage_error, write_atomically
from tieout.lazy import lazily
from tieout.model import Principal

KEY_FILE = "secret.key"
_LONGEST_NAME = 128
_LONGEST_SECRET = 20_000  # characters; a private key in PEM has some thousand
_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
_NEW_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'


def open_keys(folder: Path, given: SecretStr | None = None) -> MultiFernet:
    """Return the keys that seal and open: the given ones, else those of `secret.key` in the folder, made if missing.

    Several keys stand one after the other, parted by commas or spaces: the first seals, all open. Raises
    InvalidInput for a text that is no key, NotAvailable for a file that cannot be read or written, StorageFull.
    """
    if given is not None:
        return _keys(given, "TIEOUT_SECRET_KEY")
    path = folder / KEY_FILE
    if not path.exists():
        _make(path)
    return _keys(_read(path), str(path))


def open_credentials(database: Database, folder: Path, given: SecretStr | None = None) -> SqlCredentialStore:
    """Return the store with the keys of `open_keys`, opened or made when they are first needed.

    Those of the file are renewed by a rotation.
    """
    keys = lazily(lambda: open_keys(folder, given))
    return SqlCredentialStore(database, keys, key_file=folder / KEY_FILE if given is None else None)


class SqlCredentialStore:
    """A `CredentialStore` on SQLite or PostgreSQL. Safe for many threads and processes."""

    def __init__(self, database: Database, keys: MultiFernet, *, key_file: Path | None = None) -> None:
        """Take the keys; with `key_file`, which they are from, a rotation puts a new one into it."""
        self._database = database
        self._keys = keys
        self._key_file = key_file
        self._rotating = threading.Lock()

    def put(self, principal: Principal, name: str, secret: SecretStr) -> None:
        """Keep a credential, in place of the one of that name. Raises InvalidInput for a bad name or value."""
        check_name(name, "a credential's name", _LONGEST_NAME)
        if not 0 < len(secret) <= _LONGEST_SECRET:
            raise InvalidInput(f"the credential {name!r} has {len(secret):,} characters: 1 to {_LONGEST_SECRET:,} fit")
        place = {"workspace": principal.workspace, "name": name}
        sealed = self._keys.encrypt(_packed(principal.workspace, name, secret)).decode()
        values = {"sealed": sealed, "updated_by": principal.id}

        def work(connection: Connection) -> None:
            new = upsert(connection)(credentials).values(**place, **values)
            connection.execute(new.on_conflict_do_update(index_elements=list(place), set_=values))

        self._database.write(work)

    def get(self, principal: Principal, name: str) -> SecretStr | None:
        """Return a credential, None when there is none of that name. Raises NotAvailable when no key opens it."""
        check_name(name, "a credential's name", _LONGEST_NAME)
        query = select(credentials.c.sealed).where(_is(principal.workspace, name))
        sealed = self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return None if sealed is None else self._opened(principal.workspace, name, sealed)

    def names(self, principal: Principal) -> list[str]:
        """Return the names of the workspace's credentials in their order."""
        return list(self.authors(principal))

    def authors(self, principal: Principal) -> Mapping[str, str]:
        """Return who put each of the workspace's credentials last, by the names in their order."""
        query = select(credentials.c.name, credentials.c.updated_by).where(
            credentials.c.workspace == principal.workspace
        )
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return {row.name: row.updated_by for row in sorted(rows, key=lambda row: str(row.name))}

    def remove(self, principal: Principal, name: str) -> bool:
        """Remove a credential; return whether there was one."""
        check_name(name, "a credential's name", _LONGEST_NAME)
        gone = delete(credentials).where(_is(principal.workspace, name))
        return self._database.write(lambda connection: connection.execute(gone).rowcount) > 0

    def rotate(self) -> int:
        """Seal the credentials of all workspaces anew with the newest key; return how many there are.

        A key file gets a new key first and loses the old ones last: killed in between, it has all that are needed.
        Raises NotAvailable, with nothing changed, when no key opens one of them.
        """
        with self._rotating:
            if self._key_file is None:
                return self._seal_anew()
            if not self._key_file.exists():
                _make(self._key_file)
            old = _read(self._key_file).get_secret_value().replace(",", " ").split()
            new = Fernet.generate_key().decode()
            self._keys = _written(self._key_file, [new, *old])
            count = self._seal_anew()
            self._keys = _written(self._key_file, [new])
            return count

    def _seal_anew(self) -> int:
        everything = select(credentials).order_by(credentials.c.workspace, credentials.c.name)

        def work(connection: Connection) -> int:
            rows = connection.execute(everything).all()
            for row in rows:
                self._opened(row.workspace, row.name, row.sealed)
                anew = self._keys.rotate(row.sealed).decode()
                # What was put meanwhile is newer than what was read.
                same = and_(_is(row.workspace, row.name), credentials.c.sealed == row.sealed)
                connection.execute(update(credentials).where(same).values(sealed=anew))
            return len(rows)

        return self._database.write(work)

    def _opened(self, workspace: str, name: str, sealed: str) -> SecretStr:
        try:
            found = json.loads(self._keys.decrypt(sealed))
            if (found["workspace"], found["name"]) == (workspace, name) and isinstance(found["value"], str):
                return SecretStr(found["value"])
        except (InvalidToken, ValueError, KeyError, TypeError):
            pass  # nothing of the error is told on: it may hold what was inside
        raise NotAvailable(
            f"the credential {name!r} of workspace {workspace!r} cannot be opened: it was sealed with another key, or "
            f"changed. Set TIEOUT_SECRET_KEY to that key, or put back its {KEY_FILE}; or else put the credential anew."
        )


def _packed(workspace: str, name: str, secret: SecretStr) -> bytes:
    return json.dumps({"workspace": workspace, "name": name, "value": secret.get_secret_value()}).encode()


def _is(workspace: str, name: str) -> ColumnElement[bool]:
    return and_(credentials.c.workspace == workspace, credentials.c.name == name)


# ---------------------------------------------------------------- keys


def _keys(text: SecretStr, where: str) -> MultiFernet:
    """Return the keys in a text. Raises InvalidInput that names where it is from, and nothing of it."""
    found = text.get_secret_value().replace(",", " ").split()
    if found and all(_KEY.fullmatch(key) for key in found):  # Fernet passes over characters that do not belong there
        return MultiFernet([Fernet(key) for key in found])
    raise InvalidInput(f"{where} holds no key of 32 bytes in URL-safe Base64. One is made by: {_NEW_KEY}")


def _read(path: Path) -> SecretStr:
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise NotAvailable(
            f"{path} cannot be read ({error.strerror}): give the right to whoever runs tieout"
        ) from error
    with suppress(OSError):  # it may be mounted so that nobody can change it
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    return SecretStr(text)


def _written(path: Path, keys: list[str]) -> MultiFernet:
    """Put these keys, the newest first, in place of those in the file, and return them."""
    write_atomically(path, "".join(f"{key}\n" for key in keys).encode(), mode=0o600)
    return _keys(SecretStr(" ".join(keys)), str(path))


def _make(path: Path) -> None:
    """Put a new key there, whole, unless another process has just put one. Raises NotAvailable, StorageFull."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # for its owner only
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(Fernet.generate_key() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(name, path)  # unlike a renaming, it never takes the place of a key that is there
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, path) from error
