"""A hundred questions at once in twenty workspaces, under the platform's limits: each is answered once, and well."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bots.doors import open_doors
from bots.testing.slack.rates import RATES, Rate
from bots.testing.slack.stand import SlackStand
from tieout.application import Application
from tieout.bootstrap import open_desk
from tieout.model import Principal, Role, Run, RunState, WorkerKind
from tieout.settings import read_settings

NAMES = (
    "Alderney Borealis Calderon Dunmore Eskdale Fairhaven Glenrock Hartwell Inverness Jarrow "
    "Kestrelle Lomondale Marchbank Northfell Ottermere Pemberwick Quillon Ravensworth Stornaway Thistledown"
).split()
YEARS = (2022, 2021, 2020)
LINES = ("Total revenue", "Net income")
ASKED = (*((line, year) for line in LINES for year in YEARS[:2]), (LINES[0], YEARS[2]))
PATIENCE_S = 300.0
# Few changes may be made, so that progress has to give way to answers.
SCARCE = {**RATES, "chat.update": Rate(burst=4, per_minute=30)}


def filing(name: str, number: int) -> str:
    rows = "\n".join(
        f"| {label} | $ {' | $ '.join(f'{value(number, label, year):,}' for year in YEARS)} |" for label in LINES
    )
    return f"""# UNITED STATES SECURITIES AND EXCHANGE COMMISSION

FORM 10-K

ANNUAL REPORT PURSUANT TO SECTION 13 OR 15(d) OF THE SECURITIES EXCHANGE ACT OF 1934

For the fiscal year ended December 31, {YEARS[0]}

{name} Corporation
(Exact name of registrant as specified in its charter)

Common stock, $0.01 par value {name[:4].upper()} New York Stock Exchange

## Consolidated Statements of Operations

(In millions, except per share amounts)

| Years ended December 31, | {" | ".join(map(str, YEARS))} |
|---|---|---|---|
{rows}
"""


def value(number: int, label: str, year: int) -> int:
    """Return what no other workspace's company, no other year and no other line has."""
    return 10_007 + 1_013 * number + 97 * (YEARS[0] - year) + 31 * LINES.index(label)


@pytest.fixture
def stand() -> Iterator[SlackStand]:
    with SlackStand(limits=True, rates=SCARCE) as stand:
        yield stand


def filed(desk: Application, home: Path, number: int) -> None:
    path = home / f"{NAMES[number]} annual report.md"
    path.write_text(filing(NAMES[number], number))
    (outcome,) = desk.ingest(Principal("ada", f"desk-{number}", Role.ADMIN), [path])
    assert outcome.document is not None and outcome.document.form == "10-K", outcome


def question(number: int, line: str, year: int) -> str:
    return f"What was {NAMES[number]}'s {line.lower()} in fiscal {year}?"


def text_of(message: Any) -> str:
    return json.dumps(message.blocks, ensure_ascii=False) + str(message.text)


def test_a_hundred_questions_in_twenty_workspaces_are_answered_once_each_under_the_limits(
    stand: SlackStand, tmp_path: Path
) -> None:
    ada, people = stand.user("ada"), [Principal("ada", f"desk-{n}", Role.ADMIN) for n in range(len(NAMES))]
    channels = [stand.add_channel(f"desk-{number}", ada) for number in range(len(NAMES))]
    settings = read_settings(
        home=tmp_path,
        slack_bot_token=stand.bot_token,
        slack_app_token=stand.app_token,
        slack_api_url=f"{stand.api_url}/",
        chat_progress_s=0.05,
        chat_workspaces={
            f"slack/{stand.identity.team}/{channel}": f"desk-{number}" for number, channel in enumerate(channels)
        },
    )
    with open_desk(settings, work=True, kind=WorkerKind.SERVICE) as desk, open_doors(settings, desk, ["slack"]):
        for number in range(len(NAMES)):
            filed(desk, tmp_path, number)
        asked = {
            (number, line, year): stand.say(ada, channel, question(number, line, year), mention=True)
            for line, year in ASKED
            for number, channel in enumerate(channels)
        }

        def thread(number: int, ts: str) -> list[str]:
            said = stand.messages(channels[number], ts)
            return [text_of(one) for one in said if one.user == stand.identity.bot_user]

        def runs() -> list[Run]:
            return [run for who in people for run in desk.runs(who, limit=50)]

        stand.wait_for(lambda: len(runs()) == 2 * len(asked) and all(run.state.final for run in runs()), PATIENCE_S)
        assert Counter(run.state for run in runs()) == {RunState.DONE: 2 * len(asked)}
        for (number, line, year), ts in asked.items():
            said = thread(number, ts)
            shown = " ".join(said)
            assert sum("numbers tied" in one for one in said) == 1, f"{question(number, line, year)} {shown}"
            assert f"{value(number, line, year):,}" in shown
            foreign = {f"{value(n, *which):,}" for n in range(len(NAMES)) for which in ASKED if n != number} & set(
                re.findall(r"\d+,\d{3}", shown)
            )
            assert not foreign, "a workspace shows what is another's"
            assert "Answered below" in shown  # the last word on progress is not progress: it is never left out
        attempts = {step.attempt for run in runs() for step in desk.steps(run.asker, run.id)}
        assert attempts == {1}, "an answer that had to wait its turn spent an attempt"
    calls = Counter((one.method, one.ok) for one in stand.requests)
    assert calls["chat.postMessage", False] <= calls["chat.postMessage", True], "asked again and again for a turn"
