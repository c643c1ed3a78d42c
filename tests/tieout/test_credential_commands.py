"""`tieout credentials` in real processes: values come by standard input and are shown nowhere."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from bots.testing.slack.stand import SlackStand

if TYPE_CHECKING:
    from conftest import Shell

PLAIN = "xoxb-very-secret-1234"


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def put(shell: Shell, name: str, value: str | bytes, *options: str, **env: str) -> Outcome:
    """Put a credential by standard input."""
    process = shell.start("credentials", "set", name, *options, stdin=subprocess.PIPE, **env)
    assert process.stdin is not None
    process.stdin.buffer.write(value if isinstance(value, bytes) else value.encode())  # type: ignore[attr-defined]
    out, err = process.communicate(timeout=120)
    return Outcome(process.returncode, out, err)


def listed(shell: Shell, **env: str) -> dict[str, tuple[str | None, str | None]]:
    outcome = shell("credentials", "list", "--json", **env)
    assert outcome.code == 0, outcome
    assert "secret-1234" not in outcome.out + outcome.err
    return {row["name"]: (row["used"], row["set_by"]) for row in outcome.json["credentials"]}


def test_a_credential_is_put_used_rotated_and_removed(shell: Shell) -> None:
    assert set(listed(shell).values()) == {(None, None)}
    done = put(shell, "slack_bot_token", f"{PLAIN}\n")
    assert (done.code, done.err) == (0, "") and "next start" in done.out
    assert json.loads(put(shell, "TIEOUT_SLACK_APP_TOKEN", "xapp-1", "--json").out)["kept"] == "slack_app_token"
    assert listed(shell)["slack_bot_token"] == ("kept", "local")
    assert listed(shell, TIEOUT_SLACK_BOT_TOKEN="xoxb-2")["slack_bot_token"] == ("given", "local")
    rotated = shell("credentials", "rotate", "--json")
    assert (rotated.code, rotated.json) == (0, {"sealed": 2})
    removed = shell("credentials", "remove", "slack_bot_token")
    assert removed.code == 0 and "no longer kept" in removed.out
    assert listed(shell)["slack_bot_token"] == (None, None)
    again = shell("credentials", "remove", "slack_bot_token")
    assert again.code == 2 and "there are: slack_app_token" in again.err
    for file in shell.home.rglob("*"):
        assert file.is_dir() or b"secret-1234" not in file.read_bytes(), file


def test_that_a_given_one_comes_first_is_said(shell: Shell) -> None:
    done = put(shell, "slack_bot_token", PLAIN, TIEOUT_SLACK_BOT_TOKEN="xoxb-2")
    assert done.code == 0 and "comes first" in done.err


@pytest.mark.parametrize("value", ["", "xapp-secret-1234", "xoxb-secret 1234", b"xoxb-secret-1234\xff", "xoxb-\x00"])
def test_a_wrong_value_is_refused_and_shown_nowhere(shell: Shell, value: str | bytes) -> None:
    done = put(shell, "slack_bot_token", value, "--json")
    assert done.code == 2 and json.loads(done.out)["error"]["kind"] == "InvalidInput"
    assert "1234" not in done.out + done.err and "Traceback" not in done.err


def test_a_value_as_an_argument_is_not_taken(shell: Shell) -> None:
    outcome = shell("credentials", "set", "slack_bot_token", PLAIN)
    assert outcome.code == 2 and listed(shell)["slack_bot_token"] == (None, None)
    named = shell("credentials", "set", PLAIN)
    assert named.code == 2 and PLAIN not in named.err and "slack_bot_token" in named.err


@pytest.mark.parametrize("command", [("bot", "slack"), ("up",)], ids=" ".join)
def test_doors_and_the_doctor_use_what_is_kept(shell: Shell, command: tuple[str, ...]) -> None:
    with SlackStand(limits=False) as stand:
        env = {"TIEOUT_SLACK_API_URL": f"{stand.api_url}/"}
        assert put(shell, "slack_bot_token", stand.bot_token, **env).code == 0
        assert put(shell, "slack_app_token", stand.app_token, **env).code == 0
        process = shell.start(*command, **env)
        stand.wait_for(lambda: stand.connections == 1 or process.poll() is not None, 60)
        assert process.poll() is None, process.communicate()
        if command == ("up",):  # alone it has no address that another command could ask
            assert slack_checks(shell, **env) == {"Slack token": "ok", "Slack scopes": "ok", "Slack events": "ok"}
        process.terminate()
        out, err = process.communicate(timeout=60)
        assert slack_checks(shell, **env) == {"Slack token": "ok", "Slack scopes": "ok", "Slack events": "ok"}
        assert stand.bot_token not in out + err and stand.app_token not in out + err


def slack_checks(shell: Shell, **env: str) -> dict[str, str]:
    outcome = shell("doctor", "--json", **env)
    return {check["name"]: check["state"] for check in outcome.json["checks"] if check["name"].startswith("Slack")}


def test_a_running_service_keeps_it_for_its_next_start(shell: Shell) -> None:
    process = shell.start("up")
    deadline = time.monotonic() + 60
    while not (shell.home / "runtime.json").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    assert put(shell, "model_api_key", PLAIN).code == 0
    assert listed(shell)["model_api_key"] == ("kept", "local")
    rotated = shell("credentials", "rotate")
    assert rotated.code == 0 and "1 credentials" in rotated.out
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert "secret-1234" not in err
    assert listed(shell)["model_api_key"] == ("kept", "local")
    assert Path(shell.home / "secret.key").stat().st_mode & 0o777 == 0o600
