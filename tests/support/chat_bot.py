"""A process that answers in the local Slack, to be killed and started again."""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from bots.testing.slack.stand import SlackStand


class ChatBot:
    """`tieout bot slack` over a stand and a data folder."""

    def __init__(self, stand: SlackStand, home: Path, **given: str) -> None:
        self._stand = stand
        self._environment = {
            **os.environ,
            "TIEOUT_HOME": str(home),
            "TIEOUT_SLACK_BOT_TOKEN": stand.bot_token,
            "TIEOUT_SLACK_APP_TOKEN": stand.app_token,
            "TIEOUT_SLACK_API_URL": f"{stand.api_url}/",
            **given,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        before = self._stand.connections
        command = [sys.executable, "-m", "tieout.cli", "bot", "slack"]
        self._process = subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL)
        self._stand.wait_for(lambda: self._stand.connections > before, 120)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(60)
        self._stand.wait_for(lambda: self._stand.connections == 0, 60)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
