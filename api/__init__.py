"""The HTTP front door: runs, artifacts and events on loopback."""
