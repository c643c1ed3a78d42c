"""Importing tieout's own package first keeps discord.py's import quiet."""

import bots.discord  # noqa: F401
