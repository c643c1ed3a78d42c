"""A web page on which a person chats with the bot in a local Slack and Discord, without any account."""
