"""Discord's front door."""

import warnings
from contextlib import suppress

# Its voice part imports `audioop`, which Python 3.12 warns of; the door says it when the package is missing.
with warnings.catch_warnings(), suppress(ImportError):
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord as discord

    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # tieout does not speak
