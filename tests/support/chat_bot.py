"""A process that answers in a local platform, to be killed and started again."""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from bots.testing.discord.stand import DiscordStand
from bots.testing.slack.stand import SlackStand
from tests.support.talk import DiscordTalk, SlackTalk


class ChatBot:
    """`tieout bot PLATFORM` over a stand and a data folder."""

    def __init__(self, stand: SlackStand | DiscordStand, home: Path, **given: str) -> None:
        self._stand = stand
        talk = SlackTalk(stand) if isinstance(stand, SlackStand) else DiscordTalk(stand)
        self._platform = talk.platform
        self._environment = {**os.environ, "TIEOUT_HOME": str(home), **talk.env(), **given}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        before = self._stand.connections
        command = [sys.executable, "-m", "tieout.cli", "bot", self._platform]
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
