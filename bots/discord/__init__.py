"""Discord's front door."""
