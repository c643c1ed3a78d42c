"""A local Discord: the gateway and the REST API, over real sockets, with its limits enforced strictly."""

from bots.testing.discord.errors import Trouble

__all__ = ["Trouble"]
