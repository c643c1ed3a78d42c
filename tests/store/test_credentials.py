"""Credentials come back only with their key, and show themselves nowhere else."""

from __future__ import annotations

import base64
import gzip
import logging
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text

from store.backup.restore import restore
from store.backup.take import StoreBackups
from store.credentials import KEY_FILE, SqlCredentialStore, open_credentials, open_keys
from store.database import Database, open_database, open_in_memory
from tieout.errors import InvalidInput, NotAvailable
from tieout.model import Principal, Role
from tieout.ports import CredentialStore

ANN = Principal("ann", "desk", Role.ADMIN)
EVE = Principal("eve", "elsewhere", Role.ADMIN)
PLAIN = "xoxb-very-secret-1234"
SECRET = SecretStr(PLAIN)
OLD, NEW = (base64.urlsafe_b64encode(bytes([number] * 32)).decode() for number in (7, 8))


def keys(*texts: str) -> MultiFernet:
    return open_keys(Path("/nowhere"), SecretStr(",".join(texts)))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "memory":
        database = open_in_memory()
    elif request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path / 'tieout.db'}")
    else:
        database = open_database(request.getfixturevalue("postgres_url"))
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> CredentialStore:
    return SqlCredentialStore(database, keys(OLD))


def opened(store: CredentialStore, name: str = "slack", who: Principal = ANN) -> str | None:
    found = store.get(who, name)
    return None if found is None else found.get_secret_value()


def change(database: Database, statement: str, **values: str) -> None:
    database.write(lambda connection: connection.execute(text(statement), values))


def refusal(work: Callable[[], object]) -> str:
    """Return everything that the error of `work` tells: message, details and traceback."""
    with pytest.raises((NotAvailable, InvalidInput)) as caught:
        work()
    return "".join((*traceback.format_exception(caught.value), repr(caught.value), repr(caught.value.details)))


# ---------------------------------------------------------------- the store


def test_a_credential_comes_back_as_it_was_put(store: CredentialStore) -> None:
    assert store.get(ANN, "slack") is None
    store.put(ANN, "slack", SECRET)
    store.put(ANN, "discord", SecretStr("another"))
    assert (opened(store), opened(store, "discord")) == (PLAIN, "another")
    assert store.names(ANN) == ["discord", "slack"]
    store.put(ANN, "slack", SecretStr("newer"))
    assert (opened(store), store.names(ANN)) == ("newer", ["discord", "slack"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(exclude_categories=()), min_size=1))
def test_any_text_comes_back(store: CredentialStore, value: str) -> None:
    store.put(ANN, "slack", SecretStr(value))
    assert opened(store) == value


def test_a_removed_credential_is_gone(store: CredentialStore) -> None:
    store.put(ANN, "slack", SECRET)
    assert store.remove(ANN, "slack")
    assert not store.remove(ANN, "slack")
    assert (store.get(ANN, "slack"), store.names(ANN)) == (None, [])


def test_another_workspace_sees_and_changes_nothing(store: CredentialStore) -> None:
    store.put(ANN, "slack", SECRET)
    assert (store.get(EVE, "slack"), store.names(EVE), store.remove(EVE, "slack")) == (None, [], False)
    store.put(EVE, "slack", SecretStr("theirs"))
    assert (opened(store), opened(store, who=EVE)) == (PLAIN, "theirs")


@pytest.mark.parametrize("name", ["", "\x00", "\ud800", "a\nb", "x" * 129])
def test_a_name_that_no_database_keeps_is_refused(store: CredentialStore, name: str) -> None:
    for work in (
        lambda: store.put(ANN, name, SECRET),
        lambda: store.get(ANN, name),
        lambda: store.remove(ANN, name),
    ):
        assert PLAIN not in refusal(work)


@pytest.mark.parametrize("value", ["", PLAIN * 1_000])
def test_an_empty_or_endless_value_is_refused_without_being_shown(store: CredentialStore, value: str) -> None:
    assert PLAIN not in refusal(lambda: store.put(ANN, "slack", SecretStr(value)))
    assert store.names(ANN) == []


def test_many_threads_put_a_credential_and_one_of_them_stands(store: CredentialStore) -> None:
    barrier = threading.Barrier(6)

    def race(number: int) -> None:
        barrier.wait()
        store.put(ANN, "slack", SecretStr(f"value {number}"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(race, range(6)))
    assert opened(store) in {f"value {number}" for number in range(6)}


# ---------------------------------------------------------------- nobody else reads it


def test_the_value_is_neither_in_the_database_nor_in_logs(
    store: CredentialStore, database: Database, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.INFO, "sqlalchemy.engine"):
        store.put(ANN, "slack", SECRET)
        found = store.get(ANN, "slack")
    rows = database.read(lambda connection: connection.execute(text("SELECT * FROM credentials")).all())
    shown = "".join((repr(rows), caplog.text, repr(store), repr(vars(store)), repr(found), *capsys.readouterr()))
    assert len(rows) == 1 and PLAIN not in shown and OLD not in shown


def test_another_key_does_not_open_it_and_says_what_to_do(store: CredentialStore, database: Database) -> None:
    store.put(ANN, "slack", SECRET)
    other = SqlCredentialStore(database, keys(NEW))
    told = refusal(lambda: other.get(ANN, "slack"))
    assert "TIEOUT_SECRET_KEY" in told and "'slack'" in told
    assert PLAIN not in told and OLD not in told and NEW not in told
    assert other.names(ANN) == ["slack"]  # what is there can be seen, and put anew
    other.put(ANN, "slack", SecretStr("anew"))
    assert opened(other) == "anew"


@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-8] + "AAAAAAA=", lambda s: s[: len(s) // 2], lambda s: "", lambda s: "é"]
)
def test_a_value_that_was_changed_is_refused(
    store: CredentialStore, database: Database, spoil: Callable[[str], str]
) -> None:
    store.put(ANN, "slack", SECRET)
    sealed = database.read(lambda connection: connection.execute(text("SELECT sealed FROM credentials")).scalar_one())
    change(database, "UPDATE credentials SET sealed = :sealed", sealed=spoil(sealed))
    told = refusal(lambda: store.get(ANN, "slack"))
    assert "changed" in told and PLAIN not in told


def test_a_row_that_was_moved_to_another_place_does_not_open_there(store: CredentialStore, database: Database) -> None:
    store.put(ANN, "slack", SECRET)
    change(database, "UPDATE credentials SET name = 'discord'")
    assert PLAIN not in refusal(lambda: store.get(ANN, "discord"))
    change(database, "UPDATE credentials SET name = 'slack', workspace = 'elsewhere'")
    assert PLAIN not in refusal(lambda: store.get(EVE, "slack"))


@pytest.mark.parametrize(
    "content",
    [b"xoxb-very-secret-1234", b"[]", b"1", b'{"workspace": "desk"}', b'{"workspace":"desk","name":"slack","value":7}'],
)
def test_what_is_inside_but_not_ours_is_refused_without_being_shown(
    store: CredentialStore, database: Database, content: bytes
) -> None:
    store.put(ANN, "slack", SECRET)
    change(database, "UPDATE credentials SET sealed = :sealed", sealed=keys(OLD).encrypt(content).decode())
    assert PLAIN not in refusal(lambda: store.get(ANN, "slack"))


# ---------------------------------------------------------------- rotation


def test_rotation_seals_all_anew_so_that_the_old_key_can_go(store: CredentialStore, database: Database) -> None:
    store.put(ANN, "slack", SECRET)
    store.put(EVE, "slack", SecretStr("theirs"))
    both = SqlCredentialStore(database, keys(NEW, OLD))
    assert opened(both) == PLAIN
    assert both.rotate() == 2
    new = SqlCredentialStore(database, keys(NEW))
    assert (opened(new), opened(new, who=EVE)) == (PLAIN, "theirs")
    assert "another key" in refusal(lambda: store.get(ANN, "slack"))
    assert new.rotate() == 2
    assert opened(new) == PLAIN


def test_rotation_of_nothing_is_nothing(store: CredentialStore) -> None:
    assert store.rotate() == 0


def test_rotation_changes_nothing_when_one_cannot_be_opened(store: CredentialStore, database: Database) -> None:
    store.put(ANN, "slack", SECRET)
    SqlCredentialStore(database, keys(NEW)).put(EVE, "their own", SECRET)
    newest = Fernet.generate_key().decode()
    told = refusal(SqlCredentialStore(database, keys(newest, OLD)).rotate)
    assert "'their own'" in told and "'elsewhere'" in told and PLAIN not in told
    assert opened(store) == PLAIN


def test_what_is_put_during_a_rotation_stays(store: CredentialStore, database: Database) -> None:
    both = SqlCredentialStore(database, keys(NEW, OLD))
    store.put(ANN, "slack", SECRET)
    barrier = threading.Barrier(2)

    def put() -> None:
        barrier.wait()
        for number in range(20):
            both.put(ANN, "slack", SecretStr(f"value {number}"))

    def rotate() -> None:
        barrier.wait()
        for _ in range(20):
            both.rotate()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(put), pool.submit(rotate)]:
            done.result()
    assert opened(both) == "value 19"


# ---------------------------------------------------------------- keys


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    sealed = open_keys(folder).encrypt(b"x")
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]
    content = (folder / KEY_FILE).read_bytes()
    assert open_keys(folder).decrypt(sealed) == b"x"
    assert (folder / KEY_FILE).read_bytes() == content


def test_a_key_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text(OLD)
    (tmp_path / KEY_FILE).chmod(0o644)
    open_keys(tmp_path)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_given_key_makes_no_file(tmp_path: Path) -> None:
    assert open_keys(tmp_path, SecretStr(OLD)).decrypt(keys(OLD).encrypt(b"x")) == b"x"
    assert list(tmp_path.iterdir()) == []


def test_of_several_keys_the_first_seals_and_all_open(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text(f"{NEW}\n{OLD}\n")
    both = open_keys(tmp_path)
    assert both.decrypt(keys(OLD).encrypt(b"x")) == b"x"
    assert keys(NEW).decrypt(both.encrypt(b"x")) == b"x"


@pytest.mark.parametrize("bad", ["", " , ", "hunter2-my-password", OLD[:-4], OLD + "x" * 9, f"{OLD} hunter2", "é" * 44])
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, bad: str) -> None:
    told = refusal(lambda: open_keys(tmp_path, SecretStr(bad)))
    assert "TIEOUT_SECRET_KEY" in told and "generate_key" in told
    assert "hunter2" not in told and OLD[:20] not in told and "é" not in told
    (tmp_path / KEY_FILE).write_text(bad)
    told = refusal(lambda: open_keys(tmp_path))
    assert str(tmp_path / KEY_FILE) in told and "hunter2" not in told and OLD[:20] not in told


def test_a_key_file_that_cannot_be_read_or_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "a" / KEY_FILE).mkdir(parents=True)
    assert "cannot be read" in refusal(lambda: open_keys(tmp_path / "a"))
    (tmp_path / "file").touch()
    assert "Cannot write" in refusal(lambda: open_keys(tmp_path / "file" / "folder"))


def test_processes_that_start_together_have_one_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from store.credentials import open_keys; "
        "print(open_keys(Path(sys.argv[1])).encrypt(b'x').decode())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    sealed = [process.communicate()[0].strip() for process in started]
    assert [open_keys(tmp_path).decrypt(one) for one in sealed] == [b"x"] * 4


def test_threads_that_start_together_have_one_key(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)

    def race(_: int) -> bytes:
        barrier.wait()
        return open_keys(tmp_path).encrypt(b"x")

    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(race, range(8)))
    assert {open_keys(tmp_path).decrypt(one) for one in sealed} == {b"x"}


# ---------------------------------------------------------------- backups


def test_a_backup_holds_credentials_sealed_and_never_the_key(tmp_path: Path) -> None:
    home = tmp_path / "home"
    database = open_database(f"sqlite:///{home / 'tieout.db'}")
    SqlCredentialStore(database, open_keys(home)).put(ANN, "slack", SECRET)
    source = tmp_path / "x.tar.gz"
    assert StoreBackups(database, home, profile="embedded").take(source).counts["credentials"] == 1
    database.close()
    key = (home / KEY_FILE).read_text().strip()
    with gzip.open(source) as file:
        content = file.read()
    assert b"credentials" in content and PLAIN.encode() not in content and key.encode() not in content

    restore(source, tmp_path / "new")
    restored = open_database(f"sqlite:///{tmp_path / 'new' / 'tieout.db'}")
    assert "secret.key" in refusal(lambda: SqlCredentialStore(restored, open_keys(tmp_path / "new")).get(ANN, "slack"))
    assert opened(SqlCredentialStore(restored, open_keys(home))) == PLAIN
    restored.close()


# ---------------------------------------------------------------- a key file that is renewed


def test_a_rotation_puts_a_new_key_into_the_file(database: Database, tmp_path: Path) -> None:
    store = open_credentials(database, tmp_path)
    assert store.names(ANN) == [] and not (tmp_path / KEY_FILE).exists()  # a look makes no key
    store.put(ANN, "slack", SECRET)
    store.put(EVE, "slack", SecretStr("theirs"))
    old = (tmp_path / KEY_FILE).read_text()
    assert store.rotate() == 2
    new = (tmp_path / KEY_FILE).read_text()
    assert len(new.split()) == 1 and new != old and (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    for one in (store, open_credentials(database, tmp_path)):
        assert (opened(one), opened(one, who=EVE)) == (PLAIN, "theirs")
    assert "another key" in refusal(lambda: SqlCredentialStore(database, keys(old.strip())).get(ANN, "slack"))


def test_a_rotation_that_was_killed_in_between_leaves_all_that_is_needed(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_credentials(database, tmp_path)
    store.put(ANN, "slack", SECRET)

    def killed(_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(SqlCredentialStore, "_seal_anew", killed)
        store.rotate()
    again = open_credentials(database, tmp_path)
    assert opened(again) == PLAIN
    assert again.rotate() == 1
    assert (opened(again), len((tmp_path / KEY_FILE).read_text().split())) == (PLAIN, 1)


def test_a_rotation_before_anything_is_kept_makes_the_key(database: Database, tmp_path: Path) -> None:
    store = open_credentials(database, tmp_path)
    assert store.rotate() == 0
    store.put(ANN, "slack", SECRET)
    assert opened(open_credentials(database, tmp_path)) == PLAIN


def test_with_a_given_key_a_rotation_writes_no_file(database: Database, tmp_path: Path) -> None:
    open_credentials(database, tmp_path, SecretStr(OLD)).put(ANN, "slack", SECRET)
    assert open_credentials(database, tmp_path, SecretStr(f"{NEW},{OLD}")).rotate() == 1
    assert opened(open_credentials(database, tmp_path, SecretStr(NEW))) == PLAIN
    assert not (tmp_path / KEY_FILE).exists()


def test_it_tells_who_put_a_credential_last(store: CredentialStore) -> None:
    store.put(ANN, "slack", SECRET)
    store.put(Principal("bob", "desk", Role.ADMIN), "discord", SECRET)
    store.put(EVE, "slack", SECRET)
    assert list(store.authors(ANN).items()) == [("discord", "bob"), ("slack", "ann")]
    store.put(Principal("bob", "desk", Role.ADMIN), "slack", SECRET)
    assert store.authors(ANN)["slack"] == "bob"
