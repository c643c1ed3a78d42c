"""Local Slack and Discord, against which the real clients run."""
