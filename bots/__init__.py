"""Chat front doors: Slack and Discord."""
