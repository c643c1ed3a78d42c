"""Claim: however often the bot is killed, each thing that a person says is one run and has one answer.

People ask in channels, threads and directly; the local platform sends events as pairs and again, and breaks connections
off; the bot gets SIGKILL by a seeded plan and is started again. In the end each question has one run and one answer.

    python benchmarks/chat_soak.py --events 10000 --kills 100 --seed 1

Prints a table, or with --json one object; exits with 1 when anything was lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bots.testing.discord.stand import DiscordStand
from bots.testing.slack.stand import SlackStand
from tests.support.chat_bot import ChatBot
from tests.support.chat_soak import DiscordPeople, SlackPeople, Talk, soak


def main() -> None:
    """Print what was done and what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object, name to number")
    parser.add_argument("--platform", choices=("slack", "discord"), default="slack")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, _stand(options.platform) as stand:
        talk: Talk = SlackPeople(stand) if isinstance(stand, SlackStand) else DiscordPeople(stand)
        bot = ChatBot(stand, Path(home))
        outcome = soak(talk, bot, Path(home), events=options.events, kills=options.kills, seed=options.seed)
    numbers = {
        "events": outcome.asked,
        "kills": outcome.kills,
        "seconds": round(outcome.seconds),
        "runs": sum(outcome.runs.values()),
        "answers": sum(outcome.answers.values()),
        **outcome.faults(),
    }
    print(
        json.dumps(numbers)
        if options.json
        else "\n".join(f"{name:<20} {number:>8,}" for name, number in numbers.items())
    )
    print("\n".join(outcome.why), file=sys.stderr)
    sys.exit(any(outcome.faults().values()))


def _stand(platform: str) -> SlackStand | DiscordStand:
    if platform == "slack":
        return SlackStand(limits=False, redeliver_after_s=0.5, redeliveries=1_000)
    return DiscordStand(limits=False)


if __name__ == "__main__":
    main()
