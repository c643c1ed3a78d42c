"""A local Slack to run the real clients against."""

from bots.testing.slack.parcels import ParcelKind
from bots.testing.slack.rates import Rate
from bots.testing.slack.stand import SlackStand
from bots.testing.slack.troubles import Trouble

__all__ = ["ParcelKind", "Rate", "SlackStand", "Trouble"]
