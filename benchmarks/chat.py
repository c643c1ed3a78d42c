"""Claim: whatever people say is committed and acknowledged at once, however much is said, and the answer begins soon.

A local Slack (Socket Mode over a real socket) in this process, and `tieout bot slack` (embedded, SQLite, synchronous FULL)
in another, with the real slack-bolt client.

    ack_p99_ms             acknowledgement of an event, 200 events a second, one in ten of them a question to tieout
    ack_all_p99_ms         the same with every event a command that is answered
    first_progress_p95_ms  from a person's question to tieout's first message in its thread, idle
    answered_s             from the last of the events until each command has its answer
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bots.testing.slack.stand import SlackStand

RATE = 200
GOALS = {"ack_p99_ms": (100, 500), "ack_all_p99_ms": (100, 500), "first_progress_p95_ms": (1000, None)}


@contextmanager
def bot(stand: SlackStand, home: str) -> Iterator[None]:
    """Run `tieout bot slack` against the stand."""
    environment = {
        **os.environ,
        "TIEOUT_HOME": home,
        "TIEOUT_SLACK_BOT_TOKEN": stand.bot_token,
        "TIEOUT_SLACK_APP_TOKEN": stand.app_token,
        "TIEOUT_SLACK_API_URL": f"{stand.api_url}/",
    }
    process = subprocess.Popen([sys.executable, "-m", "tieout.cli", "bot", "slack"], env=environment)
    try:
        stand.wait_for(lambda: stand.connections > 0, 60)
        yield
    finally:
        process.terminate()
        process.wait(30)


def flood(stand: SlackStand, seconds: float, every: int) -> list[str]:
    """Say so much that 200 events come a second, every so-many-th thing to tieout; return the `ts` of those.

    What is said to tieout comes as a pair, and its answer comes back as an event, too.
    """
    rate = RATE / (1 + 2 / every)
    ada, general = stand.user("ada"), stand.channel("general")
    asked, began = [], time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        mention = number % every == 0
        ts = stand.say(ada, general, "runs" if mention else "as I said", mention=mention)
        if mention:
            asked.append(ts)
    return asked


def p(values: list[float], share: float) -> float:
    """Return the value below which so large a share lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def acknowledged(stand: SlackStand, seconds: float, every: int, name: str) -> dict[str, float]:
    """Return how long acknowledgements took, and how long after the last event all was answered."""
    before = len(stand.acks)
    asked = flood(stand, seconds, every)
    ended = time.monotonic()
    general = stand.channel("general")

    def answered() -> bool:
        threads = {message.thread for message in stand.messages(general) if message.user == stand.identity.bot_user}
        return threads >= set(asked)

    while not answered():
        time.sleep(0.2)
        if time.monotonic() - ended > 300:
            sys.exit("not everything was answered")
    took = [1000 * seconds for _, seconds in stand.acks[before:]]
    return {
        f"{name}_events": len(took),
        f"{name}_p50_ms": round(p(took, 0.5), 1),
        f"{name}_p99_ms": round(p(took, 0.99), 1),
        f"{name}_answered_s": round(time.monotonic() - ended, 1),
    }


def first_progress(stand: SlackStand, count: int) -> dict[str, float]:
    """Ask one question after the other; return milliseconds until tieout's first message."""
    ada, general, took = stand.user("ada"), stand.channel("general"), []
    for number in range(count + 2):
        began = time.monotonic()
        ts = stand.say(ada, general, f"What was Apple's revenue in fiscal {2015 + number % 9}?", mention=True)
        stand.wait_for(lambda ts=ts: any(m.user == stand.identity.bot_user for m in stand.messages(general, ts)), 60)
        took.append(1000 * (time.monotonic() - began))
        stand.wait_for(lambda ts=ts: any("Answered" in m.text for m in stand.messages(general, ts)), 120)
    return {"first_progress_p50_ms": round(p(took[2:], 0.5)), "first_progress_p95_ms": round(p(took[2:], 0.95))}


def main() -> None:
    """Print a table of value, goal and floor, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short version")
    parser.add_argument("--json", action="store_true", help="one JSON object, name to number")
    options = parser.parse_args()
    seconds, count = (3, 5) if options.quick else (20, 40)
    numbers: dict[str, float] = {}
    with (
        tempfile.TemporaryDirectory() as home,
        SlackStand(limits=False, redeliver_after_s=30.0) as stand,
        bot(stand, home),
    ):
        numbers |= first_progress(stand, count)
        numbers |= acknowledged(stand, seconds, 10, "ack")
        numbers |= acknowledged(stand, seconds / 4, 1, "ack_all")
    if options.json:
        print(json.dumps(numbers))
        return
    for name, number in numbers.items():
        goal, floor = GOALS.get(name, (None, None))
        print(f"{name:<28} {number:>10} {f'≤ {goal}' if goal else '':>9} {f'≤ {floor}' if floor else '':>9}")


if __name__ == "__main__":
    main()
